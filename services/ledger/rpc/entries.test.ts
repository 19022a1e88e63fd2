import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import {
  type AccountServiceService,
  GetBalanceAtRequest,
  Leg,
  ListEntriesRequest,
  PostChainRequest,
  StatementFormat,
  StreamStatementRequest,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Entry, EntryKind, EntrySide } from '../../../gen/paymesh/ledger/v1/entry.js'
import { type Client } from '../../runtime/client.js'
import { fromUint128, toUint128 } from '../../runtime/ids.js'
import { assertFails, assertInvalid, makeNamedAccounts, TestLedger, transferEvent } from '../test/harness.js'
import { verifyBooks } from '../test/verify.js'

const WALLET = 'accounts/wallet'
const LONG = 'accounts/long'
const LONG_COUNT = 1203

describe('statements of AccountService', () => {
  let ledger: TestLedger
  let service: Client<typeof AccountServiceService>
  let entries: Entry[]
  before(async () => {
    ledger = await TestLedger.start()
    service = await ledger.accounts()
    await makeNamedAccounts(
      ledger,
      ['THB'],
      [
        { id: 'bank', asset: 'THB', kind: AccountKind.SETTLEMENT },
        { id: 'wallet', asset: 'THB', kind: AccountKind.WALLET },
        { id: 'long', asset: 'THB', kind: AccountKind.MERCHANT },
        { id: 'unused', asset: 'THB', kind: AccountKind.WALLET },
      ],
    )
    await move('accounts/bank', WALLET, 15_025n)
    await move(WALLET, 'accounts/bank', 25n)
    const posted = await move(WALLET, 'accounts/bank', 100n, true)
    const amounts = [{ assetCode: 'THB', minorUnits: 40n }]
    await service.postHold({ requestId: randomUUID(), hold: posted, amounts })
    const voided = await move(WALLET, 'accounts/bank', 7n, true)
    await service.voidHold({ requestId: randomUUID(), hold: voided })
    await payManyTimes()
    entries = (await list({ oldestFirst: true })).entries
  })
  after(async () => {
    await verifyBooks(ledger.pool)
    await ledger.stop()
  })

  async function move(debitAccount: string, creditAccount: string, minorUnits: bigint, held = false) {
    const leg = { debitAccount, creditAccount, amount: { assetCode: 'THB', minorUnits }, code: 7 }
    const hold = held ? { hold: { timeoutSeconds: 0 } } : {}
    const chain = { requestId: randomUUID(), legs: [Leg.fromPartial(leg)], subject: toUint128(255n), ...hold }
    return (await service.postChain(PostChainRequest.fromPartial(chain))).hold
  }

  /** From an account that has no name, so many that a statement takes several messages. */
  async function payManyTimes() {
    const [long] = await ledger.engine.lookupAccounts([fromUint128((await account(LONG)).id)])
    const nameless = transferEvent(0n).debitAccountId
    await ledger.engine.createAccounts([{ ...EMPTY_ACCOUNT, id: nameless, ledger: long!.ledger }])
    const pay = (index: number) =>
      transferEvent(BigInt(10_000 + index), { creditAccountId: long!.id, amount: 2n, ledger: long!.ledger })
    for (let index = 0; index < LONG_COUNT; index += 200) {
      const count = Math.min(200, LONG_COUNT - index)
      await ledger.engine.createTransfers(Array.from({ length: count }, (_, at) => pay(index + at)))
    }
  }

  const account = async (name: string) => (await service.getAccount({ name })).account!
  const list = (fields: Partial<ListEntriesRequest>) =>
    service.listEntries(ListEntriesRequest.fromPartial({ parent: WALLET, ...fields }))
  const balanceAt = (fields: Partial<GetBalanceAtRequest>) =>
    service.getBalanceAt(GetBalanceAtRequest.fromPartial({ name: WALLET, ...fields }))
  async function statement(fields: Partial<StreamStatementRequest>) {
    const messages = []
    const request = StreamStatementRequest.fromPartial({ name: WALLET, ...fields })
    for await (const message of service.streamStatement(request)) messages.push(message)
    return { messages, text: Buffer.concat(messages.map(({ data }) => data)).toString() }
  }
  const missing = { reason: 'ACCOUNT_NOT_FOUND', code: status.NOT_FOUND, metadata: { account: 'accounts/nobody' } }
  const early = { seconds: 1n, nanos: 0 }

  describe('ListEntries', () => {
    it('says what each transfer did, and the balances right after it', () => {
      const shown = entries.map(({ kind, side, amount, counterparty, code, balancesAfter }) => ({
        what: [kind, side, amount?.minorUnits, counterparty, code],
        after: [balancesAfter?.posted?.minorUnits, balancesAfter?.available?.minorUnits],
      }))
      const line = (kind: EntryKind, side: EntrySide, amount: bigint, posted: bigint, available: bigint) => ({
        what: [kind, side, amount, 'accounts/bank', 7],
        after: [posted, available],
      })
      assert.deepEqual(shown, [
        line(EntryKind.POSTED, EntrySide.CREDIT, 15_025n, 15_025n, 15_025n),
        line(EntryKind.POSTED, EntrySide.DEBIT, 25n, 15_000n, 15_000n),
        line(EntryKind.HELD, EntrySide.DEBIT, 100n, 15_000n, 14_900n),
        line(EntryKind.HOLD_POSTED, EntrySide.DEBIT, 40n, 14_960n, 14_960n),
        line(EntryKind.HELD, EntrySide.DEBIT, 7n, 14_960n, 14_953n),
        line(EntryKind.HOLD_VOIDED, EntrySide.DEBIT, 7n, 14_960n, 14_960n),
      ])
      for (const { subject } of entries) assert.equal(fromUint128(subject), 255n)
    })

    it('goes page by page in either direction, and shows each entry once', async () => {
      for (const oldestFirst of [true, false]) {
        const found: Entry[] = []
        let pageToken = ''
        do {
          const page = await list({ pageSize: 4, pageToken, oldestFirst })
          found.push(...page.entries)
          pageToken = page.nextPageToken
        } while (pageToken !== '')
        assert.deepEqual(found, oldestFirst ? entries : entries.toReversed())
      }
    })

    it('keeps to a period: its start belongs to it and its end does not', async () => {
      const period = { startTime: entries[1]!.time, endTime: entries[3]!.time }
      assert.deepEqual((await list({ ...period, oldestFirst: true })).entries, entries.slice(1, 3))
      assert.deepEqual((await list(period)).entries, entries.slice(1, 3).toReversed())
      assert.deepEqual((await list({ endTime: early })).entries, [])
    })

    it('shows an account without history and without a name by its id, and no balances of one without history', async () => {
      const bank = await list({ parent: 'accounts/bank' })
      assert.ok(bank.entries.every(({ balancesAfter }) => balancesAfter === undefined))
      const [entry] = (await list({ parent: LONG })).entries
      assert.equal(entry?.counterparty, '1'.padStart(32, '0'))
    })

    it('names what is malformed, then an account that does not exist', async () => {
      const bad = { parent: 'x', pageSize: -1, pageToken: 'nonsense', startTime: { seconds: -1n, nanos: 0 } }
      await assertInvalid(list(bad), 'parent', 'page_size', 'start_time', 'page_token')
      await assertInvalid(list({ startTime: entries[1]!.time, endTime: entries[1]!.time }), 'end_time')
      const { nextPageToken } = await list({ pageSize: 1 })
      await assertInvalid(list({ pageToken: nextPageToken, oldestFirst: true }), 'page_token')
      await assertFails(list({ parent: 'accounts/nobody' }), missing)
    })
  })

  describe('GetBalanceAt', () => {
    it('answers what the balances were, before, at and after each transfer', async () => {
      assert.equal((await balanceAt({ time: early })).balances?.posted?.minorUnits, 0n)
      for (const { time, balancesAfter } of entries) {
        assert.deepEqual((await balanceAt({ time })).balances, balancesAfter)
      }
      const { seconds, nanos } = entries[1]!.time!
      const before = nanos === 0 ? { seconds: seconds - 1n, nanos: 999_999_999 } : { seconds, nanos: nanos - 1 }
      assert.deepEqual((await balanceAt({ time: before })).balances, entries[0]!.balancesAfter)
    })

    it('names what is malformed, an account that does not exist, and one without history', async () => {
      await assertInvalid(balanceAt({ name: 'x' }), 'name', 'time')
      await assertInvalid(balanceAt({ time: { seconds: 1n, nanos: -1 } }), 'time')
      await assertInvalid(balanceAt({ time: { seconds: 4_102_444_800n, nanos: 0 } }), 'time')
      await assertFails(balanceAt({ name: 'accounts/nobody', time: early }), missing)
      const bank = 'accounts/bank'
      const failure = { reason: 'NO_HISTORY', code: status.FAILED_PRECONDITION, metadata: { account: bank } }
      await assertFails(balanceAt({ name: bank, time: early }), failure)
    })
  })

  describe('StreamStatement', () => {
    it('writes CSV with a header line and amounts in the main unit', async () => {
      const { messages, text } = await statement({})
      assert.equal(messages[0]?.contentType, 'text/csv; charset=utf-8; header=present')
      const lines = text.split('\r\n')
      assert.equal(lines.length, entries.length + 2)
      assert.ok(lines[0]?.startsWith('time,transfer_id,kind,side,amount,asset_code,counterparty,code,subject,'))
      const fields = lines[4]!.split(',')
      assert.deepEqual(fields.slice(2, 8), ['HOLD_POSTED', 'DEBIT', '0.40', 'THB', 'accounts/bank', '7'])
      assert.deepEqual(fields.slice(9), ['0.65', '150.25', '0.00', '0.00', '149.60', '149.60'])
    })

    it('writes JSON, one object a line, with amounts as strings', async () => {
      const { messages, text } = await statement({ format: StatementFormat.JSON })
      assert.equal(messages[0]?.contentType, 'application/x-ndjson')
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.equal(lines.length, entries.length)
      const { kind, side, amount, counterparty } = lines[0]!
      assert.deepEqual([kind, side, counterparty], ['ENTRY_KIND_POSTED', 'ENTRY_SIDE_CREDIT', 'accounts/bank'])
      assert.deepEqual(amount, { assetCode: 'THB', minorUnits: '15025' })
    })

    it('takes as many messages as it needs, each entry once and in order', async () => {
      const { messages, text } = await statement({ name: LONG })
      assert.equal(messages.length, Math.ceil(LONG_COUNT / 500))
      const times = text
        .split('\r\n')
        .slice(1, -1)
        .map((line) => line.split(',')[0]!)
      assert.equal(new Set(times).size, LONG_COUNT)
      assert.deepEqual(times, times.toSorted())
    })

    it('keeps to a period', async () => {
      const period = { startTime: entries[1]!.time, endTime: entries[3]!.time }
      assert.equal((await statement(period)).text.split('\r\n').length, 2 + 2)
    })

    it('says its type although there is nothing to write', async () => {
      const json = await statement({ name: 'accounts/unused', format: StatementFormat.JSON })
      assert.deepEqual(
        json.messages.map(({ contentType }) => contentType),
        ['application/x-ndjson'],
      )
      assert.equal((await statement({ name: 'accounts/unused' })).text.split('\r\n').length, 2)
    })

    it('names what is malformed, then an account that does not exist', async () => {
      const bad = { name: 'x', format: 9 as StatementFormat, startTime: { seconds: 0n, nanos: 0 } }
      await assertInvalid(statement(bad), 'name', 'format', 'start_time')
      await assertFails(statement({ name: 'accounts/nobody' }), missing)
    })
  })
})

const EMPTY_ACCOUNT = {
  id: 0n,
  debitsPending: 0n,
  debitsPosted: 0n,
  creditsPending: 0n,
  creditsPosted: 0n,
  userData128: 0n,
  userData64: 0n,
  userData32: 0,
  reserved: 0,
  ledger: 1,
  code: 1,
  flags: 0,
  timestamp: 0n,
}
