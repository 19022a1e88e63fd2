import assert from 'node:assert/strict'
import { type Intent } from '../intents/intent.js'
import { exampleIntent, payeeWallet, payerWallet } from '../test/example-intent.js'
import { readTransactions, type TransactionDeps, type TransactionQuery } from './transactions.js'
import { type AccountEntry, type EntryQuery } from './wallet-accounts-client.js'

const all: TransactionQuery = { minNs: 1n, maxNs: 1_000_000n, newestFirst: true, countMax: 10, direction: undefined }

/** An account whose entries are these, oldest first. */
function source(entries: readonly AccountEntry[], intents: readonly Intent[] = []) {
  let calls = 0
  const deps: TransactionDeps = {
    entries: ({ minNs, maxNs, newestFirst, countMax }: EntryQuery) => {
      calls += 1
      const within = entries.filter(({ timeNs }) => timeNs >= minNs && timeNs <= maxNs)
      const sorted = newestFirst ? within.reverse() : within
      return Promise.resolve({ entries: sorted.slice(0, countMax), more: sorted.length > countMax })
    },
    intents: (ids) => Promise.resolve(intents.filter(({ id }) => ids.includes(id))),
  }
  return { deps, calls: () => calls }
}

function entry(timeNs: number, change: Partial<AccountEntry> = {}): AccountEntry {
  return {
    timeNs: BigInt(timeNs),
    kind: 'POSTED',
    side: 'DEBIT',
    amountMinor: 100n,
    intentId: undefined,
    balanceMinor: 0n,
    availableMinor: 0n,
    ...change,
  }
}

describe('transactions', () => {
  it('tell the payer of holds and releases, the payee only of what arrived', async () => {
    const kinds = ['HELD', 'HOLD_VOIDED', 'HELD', 'HOLD_POSTED', 'POSTED'] as const
    const debits = source(kinds.map((kind, index) => entry(index + 1, { kind })))
    const credits = source(kinds.map((kind, index) => entry(index + 1, { kind, side: 'CREDIT' })))
    const seen = async ({ deps }: typeof debits) =>
      (await readTransactions(deps, payerWallet, all)).transactions.map(({ kind }) => kind)
    assert.deepEqual(await seen(debits), ['POSTED', 'POSTED', 'HELD', 'RELEASED', 'HELD'])
    assert.deepEqual(await seen(credits), ['POSTED', 'POSTED'])
  })

  it('look at a bounded number of entries a page, and say where to go on', async () => {
    const many = source(
      Array.from({ length: 9_000 }, (_, index) => entry(index + 1, index === 0 ? { side: 'CREDIT' } : {})),
    )
    let maxNs: bigint | undefined = all.maxNs
    const found = []
    let rounds = 0
    while (maxNs !== undefined) {
      const before = many.calls()
      const page = await readTransactions(many.deps, payerWallet, { ...all, maxNs, direction: 'IN' })
      assert.ok(many.calls() - before <= 4)
      found.push(...page.transactions)
      maxNs = page.cursorNs === undefined ? undefined : page.cursorNs - 1n
      rounds += 1
    }
    assert.deepEqual(
      found.map(({ timeNs }) => timeNs),
      [1n],
    )
    assert.ok(rounds > 1)
  })

  it('have a price only where they moved what the decision says', async () => {
    const intent = exampleIntent()
    const { id: intentId } = intent
    const { deps } = source(
      [
        entry(1, { intentId, amountMinor: 10_100n }),
        entry(2, { intentId, amountMinor: 5_000n }),
        entry(3, { intentId: '0190b000-0000-7000-8000-00000dead000', amountMinor: 7n }),
      ],
      [intent],
    )
    const { transactions } = await readTransactions(deps, payerWallet, { ...all, newestFirst: false })
    assert.deepEqual(
      transactions.map(({ payment }) => payment?.price),
      [{ amountMinor: 10_000n, fees: [{ feeId: 'service', amountMinor: 100n }] }, undefined, undefined],
    )
    assert.deepEqual(
      transactions.map(({ payment }) => payment?.counterparty),
      [intent.payee, intent.payee, undefined],
    )
    const got = source([entry(1, { intentId, side: 'CREDIT', amountMinor: 9_950n })], [intent])
    const payee = await readTransactions(got.deps, payeeWallet, all)
    assert.deepEqual(payee.transactions[0]?.payment?.price?.fees, [{ feeId: 'receipt', amountMinor: 50n }])
    assert.deepEqual(payee.transactions[0].payment.counterparty, intent.payer)
  })

  it('of a part of a hold say the part', async () => {
    const intent = exampleIntent({ status: { state: 'SETTLED' }, holdSeconds: 60, captureMinor: 4_000n })
    const { id: intentId } = intent
    const held = entry(1, { intentId, kind: 'HELD', amountMinor: 10_100n })
    const posted = entry(2, { intentId, kind: 'HOLD_POSTED', amountMinor: 4_100n })
    const { transactions } = await readTransactions(source([held, posted], [intent]).deps, payerWallet, all)
    assert.deepEqual(
      transactions.map(({ payment }) => payment?.price?.amountMinor),
      [4_000n, 10_000n],
    )
  })

  it('of no time are none', async () => {
    const { deps, calls } = source([entry(5)])
    const page = await readTransactions(deps, payerWallet, { ...all, minNs: 6n, maxNs: 5n })
    assert.deepEqual(page, { transactions: [], cursorNs: undefined })
    assert.equal(calls(), 0)
  })
})
