import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { EntrySide } from '../../../gen/paymesh/ledger/v1/entry.js'
import { ReconcileRequest, type ReconcileResponse } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type RecordStatus, type StatementRecord } from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { fromUint128, uuidV5ToUint128 } from '../../runtime/ids.js'
import { timeMessage } from '../account-message.js'
import { TransferStatus } from '../state-machine/status.js'
import { answersOf, bySubject, byTransfer, line, type Reconciled } from '../test/reconciled.js'
import { type Transfer, TransferFlag } from '../state-machine/transfer.js'
import {
  assertFails,
  assertInvalid,
  eventually,
  makeNamedAccounts,
  TestLedger,
  transferEvent,
} from '../test/harness.js'

const idOf = (name: string) => uuidV5ToUint128('paymesh', `accounts/${name}`)
const [bank, ann, ben] = [idOf('settlement.THB'), idOf('wallet.ann'), idOf('wallet.ben')]

async function readToEnd(responses: AsyncIterator<ReconcileResponse>): Promise<void> {
  while ((await responses.next()).done !== true);
}

const debit = { side: EntrySide.DEBIT }
const held = { ...debit, pending: true }

describe('LedgerAdminService.Reconcile', () => {
  let ledger: TestLedger
  const at = new Map<bigint, bigint>()

  // What moved on ann's account.
  const whole = [
    byTransfer(101n, 500n),
    byTransfer(102n, 40n, debit),
    byTransfer(103n, 7n),
    byTransfer(104n, 5n),
    byTransfer(121n, 20n, debit),
    byTransfer(151n, 60n),
    byTransfer(161n, 9n),
  ]
  const without = (...ids: bigint[]) => whole.filter((_, index) => !ids.includes(idAt(index)))
  const idAt = (index: number) => {
    const key = whole[index]?.key
    return key?.$case === 'transferId' ? fromUint128(key.transferId) : 0n
  }

  before(async () => {
    ledger = await TestLedger.start()
    await makeNamedAccounts(
      ledger,
      ['THB', 'USD'],
      [
        { id: 'settlement.THB', asset: 'THB', kind: AccountKind.SETTLEMENT },
        { id: 'wallet.ann', asset: 'THB', kind: AccountKind.WALLET },
        { id: 'wallet.ben', asset: 'THB', kind: AccountKind.WALLET },
      ],
    )
    const [wallet] = await ledger.engine.lookupAccounts([ann])
    const number = wallet?.ledger ?? 0
    const [pending, post, freed] = [
      TransferFlag.PENDING,
      TransferFlag.POST_PENDING_TRANSFER,
      TransferFlag.VOID_PENDING_TRANSFER,
    ]
    const give = (id: bigint, amount: bigint, subject: bigint, fields: Partial<Transfer> = {}) =>
      transferEvent(id, {
        ...{ ledger: number, debitAccountId: bank, creditAccountId: ann, amount, userData128: subject, ...fields },
      })
    const take = (id: bigint, amount: bigint, subject: bigint, fields: Partial<Transfer> = {}) =>
      give(id, amount, subject, { debitAccountId: ann, creditAccountId: bank, ...fields })
    const end = (id: bigint, amount: bigint, pendingId: bigint, flags: number) =>
      transferEvent(id, { debitAccountId: 0n, creditAccountId: 0n, ledger: 0, code: 0, amount, pendingId, flags })
    const { results } = await ledger.engine.createTransfers([
      give(101n, 500n, 1n),
      take(102n, 40n, 2n),
      give(103n, 7n, 3n),
      give(104n, 5n, 3n),
      give(105n, 0n, 9n),
      give(106n, 55n, 6n, { creditAccountId: ben }),
      take(111n, 30n, 11n, { flags: pending }),
      take(112n, 10n, 12n, { flags: pending }),
      take(113n, 8n, 13n, { flags: pending }),
      take(114n, 3n, 14n, { flags: pending, timeoutSeconds: 1 }),
      take(115n, 4n, 0n, { flags: pending }),
      end(121n, 20n, 111n, post),
      end(122n, 0n, 112n, freed),
      give(151n, 60n, 5n),
      give(161n, 9n, 0n),
    ])
    assert.ok(results.every(({ status }) => status === TransferStatus.CREATED))
    const ids = [101n, 102n, 103n, 104n, 111n, 121n, 151n, 161n]
    for (const transfer of await ledger.engine.lookupTransfers(ids)) at.set(transfer.id, transfer.timestamp)
    await eventually(async () => (await ledger.engine.lookupAccounts([ann]))[0]?.debitsPending === 12n, 'it expires')
  })
  after(() => ledger.stop())

  async function send(messages: readonly Partial<ReconcileRequest>[]): Promise<Reconciled> {
    const stream = (await ledger.admin()).reconcile()
    for (const message of messages) stream.write(ReconcileRequest.fromPartial(message))
    stream.end()
    return answersOf(stream)
  }

  /** All records in one message, the period in nanoseconds. */
  function reconcile(records: readonly StatementRecord[], min?: bigint, end?: bigint, account = 'wallet.ann') {
    const startTime = min === undefined ? undefined : timeMessage(min)
    const endTime = end === undefined ? undefined : timeMessage(end)
    return send([{ account: `accounts/${account}`, startTime, endTime, records: [...records], last: true }])
  }

  it('finds nothing where both sides agree, and counts what it compared', async () => {
    const { findings, summary, progress } = await reconcile(whole)
    assert.deepEqual(findings, [])
    const none = {
      count: 0n,
      debits: { assetCode: 'THB', minorUnits: 0n },
      credits: { assetCode: 'THB', minorUnits: 0n },
    }
    assert.deepEqual(summary, {
      matched: {
        count: 7n,
        debits: { assetCode: 'THB', minorUnits: 60n },
        credits: { assetCode: 'THB', minorUnits: 581n },
      },
      missingHere: none,
      missingThere: none,
      different: none,
      duplicate: none,
      undecided: none,
      matchedOutsidePeriodCount: 0n,
    })
    assert.deepEqual(progress[0], { recordCount: 7n, entryCount: 0n })
    assert.deepEqual(progress[1], { recordCount: 7n, entryCount: 14n })
  })

  const [none, other] = ['wallet.ben', 'wallet.ann']
  const cases: [string, () => readonly StatementRecord[], string[], Partial<Record<string, bigint>>][] = [
    ['no records', () => [], whole.map((_, index) => `MISSING_THERE transfer ${idAt(index)}`), { missingThere: 7n }],
    ['an entry without a record', () => without(102n), ['MISSING_THERE transfer 102'], { missingThere: 1n }],
    ['a record without an entry', () => [...whole, byTransfer(999n, 1n)], ['MISSING_HERE t999'], { missingHere: 1n }],
    [
      'another amount',
      () => [...without(101n), byTransfer(101n, 499n)],
      ['DIFFERENT t101 amount 499/500'],
      { different: 1n },
    ],
    ['another side', () => [...without(103n), byTransfer(103n, 7n, debit)], ['DIFFERENT t103 side DEBIT/CREDIT'], {}],
    [
      'another asset',
      () => [...without(103n), byTransfer(103n, 7n, { asset: 'USD' })],
      ['DIFFERENT t103 asset_code USD/THB'],
      {},
    ],
    [
      'a transfer of other accounts',
      () => [...whole, byTransfer(106n, 55n)],
      [`DIFFERENT t106 account accounts/wallet.ann/from accounts/settlement.THB to accounts/${none}`],
      { different: 1n },
    ],
    ['a transfer of zero, which nobody has to know', () => [...whole, byTransfer(105n, 0n)], [], { matched: 8n }],
    ['a record twice', () => [...whole, byTransfer(101n, 1n)], ['DUPLICATE t101'], { duplicate: 1n, matched: 7n }],
    [
      'what is undecided and did not happen',
      () => [...whole, byTransfer(999n, 1n, { undecided: true })],
      [],
      { undecided: 1n },
    ],
    [
      'what is undecided and happened otherwise',
      () => [...without(103n), byTransfer(103n, 8n, { undecided: true })],
      ['DIFFERENT t103 amount 8/7'],
      {},
    ],
    [
      'what is undecided and still a hold, or one no more',
      () => [
        ...whole,
        byTransfer(113n, 8n, { ...debit, undecided: true }),
        byTransfer(114n, 3n, { ...held, undecided: true }),
      ],
      [],
      { undecided: 2n },
    ],
    [
      'what is undecided and a hold that was posted otherwise',
      () => [...without(121n), byTransfer(111n, 21n, { ...debit, undecided: true })],
      ['DIFFERENT t111 amount 21/20'],
      {},
    ],
    // Holds.
    ['a hold that was posted, by its id', () => [...without(121n), byTransfer(111n, 20n, debit)], [], { matched: 7n }],
    [
      'a hold that was posted, by its id and that of the post',
      () => [...whole, byTransfer(111n, 20n, debit)],
      ['DUPLICATE t111'],
      { duplicate: 1n },
    ],
    [
      'a hold that was posted and is open there',
      () => [...without(121n), byTransfer(111n, 30n, held)],
      ['DIFFERENT t111 amount 30/20 status PENDING/POSTED'],
      {},
    ],
    [
      'a hold that was voided',
      () => [...whole, byTransfer(112n, 10n, debit)],
      ['DIFFERENT t112 status POSTED/VOIDED'],
      {},
    ],
    ['a void', () => [...whole, byTransfer(122n, 10n, debit)], ['DIFFERENT t122 status POSTED/VOIDED'], {}],
    ['an open hold', () => [...whole, byTransfer(113n, 8n, held)], [], { matched: 8n }],
    ['an open hold without subject', () => [...whole, byTransfer(115n, 4n, held)], [], { matched: 8n }],
    [
      'an open hold, posted there',
      () => [...whole, byTransfer(113n, 8n, debit)],
      ['DIFFERENT t113 status POSTED/PENDING'],
      {},
    ],
    [
      'a hold that expired',
      () => [...whole, byTransfer(114n, 3n, held)],
      ['DIFFERENT t114 status PENDING/EXPIRED'],
      {},
    ],
    [
      'what was posted, open there',
      () => [...without(102n), byTransfer(102n, 40n, held)],
      ['DIFFERENT t102 status PENDING/POSTED'],
      {},
    ],
    // By subject.
    ['all of a subject in one record', () => [...without(103n, 104n), bySubject(3n, 12n)], [], { matched: 6n }],
    [
      'a subject in several records',
      () => [...without(103n, 104n), bySubject(3n, 5n), bySubject(3n, 7n, { externalId: 'second' })],
      [],
      { matched: 7n },
    ],
    [
      'a record of a subject twice',
      () => [...without(103n, 104n), bySubject(3n, 12n), bySubject(3n, 12n)],
      ['DUPLICATE s3'],
      { matched: 6n, duplicate: 1n },
    ],
    [
      'another sum of a subject',
      () => [...without(103n, 104n), bySubject(3n, 7n), bySubject(3n, 6n, { externalId: 'second' })],
      ['DIFFERENT s3 x2 credits 13/12'],
      { different: 2n },
    ],
    [
      'a subject on the other side',
      () => [...without(101n), bySubject(1n, 500n, debit)],
      ['DIFFERENT s1 debits 500/0 credits 0/500'],
      {},
    ],
    [
      'a subject in another asset',
      () => [...without(101n), bySubject(1n, 500n, { asset: 'USD' })],
      ['DIFFERENT s1 asset_code USD/THB credits 0/500'],
      {},
    ],
    ['an unknown subject', () => [...whole, bySubject(99n, 1n)], ['MISSING_HERE s99'], { missingHere: 1n }],
    ['a subject of zero that is not there', () => [...whole, bySubject(99n, 0n)], ['MISSING_HERE s99'], {}],
    [
      'a subject whose one transfer has a record of its own',
      () => [...whole, bySubject(1n, 500n)],
      ['MISSING_HERE s1'],
      {},
    ],
    ['what is left of a subject', () => [...without(104n), bySubject(3n, 5n)], [], { matched: 7n }],
    ['a subject with a posted hold', () => [...without(121n), bySubject(11n, 20n, debit)], [], { matched: 7n }],
    ['a subject with an open hold', () => [...whole, bySubject(13n, 8n, held)], [], { matched: 8n }],
    ['a subject with another hold', () => [...whole, bySubject(13n, 9n, held)], ['DIFFERENT s13 held_debits 9/8'], {}],
    [
      'a subject with an expired hold',
      () => [...whole, bySubject(14n, 3n, held)],
      ['DIFFERENT s14 held_debits 3/0'],
      {},
    ],
    ['a subject with a voided hold', () => [...whole, bySubject(12n, 10n, debit)], ['DIFFERENT s12 debits 10/0'], {}],
  ]
  for (const [what, records, expected, counts] of cases) {
    it(`compares ${what}`, async () => {
      const given = records()
      const { findings, summary } = await reconcile(given, undefined, undefined, other)
      assert.deepEqual(findings.map(line).sort(), [...expected].sort())
      assert.ok(summary)
      const { matchedOutsidePeriodCount, ...totals } = summary
      assert.equal(matchedOutsidePeriodCount, 0n)
      const { missingThere, ...ofRecords } = totals
      const sum = Object.values(ofRecords).reduce((count, total) => count + (total?.count ?? 0n), 0n)
      assert.equal(sum, BigInt(given.length), 'each record has one outcome')
      assert.equal(
        findings.some(({ record }) => record === undefined),
        (missingThere?.count ?? 0n) > 0n,
      )
      for (const [name, count] of Object.entries(counts)) {
        assert.equal(totals[name as keyof typeof totals]?.count, count, name)
      }
    })
  }

  it('shows the entry that no record stands for, and the one that differs', async () => {
    const { findings } = await reconcile([...without(101n, 102n), byTransfer(102n, 41n, debit)])
    const [different, missing] = findings
    assert.equal(fromUint128(missing?.entry?.transferId), 101n)
    assert.equal(missing?.entry?.counterparty, 'accounts/settlement.THB')
    assert.deepEqual(missing.entry.amount, { assetCode: 'THB', minorUnits: 500n })
    assert.deepEqual(missing.entry.time, timeMessage(at.get(101n) ?? 0n))
    assert.equal(fromUint128(different?.entry?.transferId), 102n)
    assert.deepEqual(different?.record, byTransfer(102n, 41n, debit))
  })

  it('demands what lies in the period: its start belongs to it, its end does not', async () => {
    const [from, to] = [at.get(102n) ?? 0n, at.get(104n) ?? 0n]
    const { findings } = await reconcile([], from, to)
    assert.deepEqual(findings.map(line), ['MISSING_THERE transfer 102', 'MISSING_THERE transfer 103'])
  })

  it('finds a record wherever its entry lies in time, and says how many lie outside the period', async () => {
    const [from, to] = [at.get(102n) ?? 0n, at.get(104n) ?? 0n]
    const records = [byTransfer(101n, 500n), byTransfer(102n, 40n, debit), bySubject(3n, 12n), bySubject(5n, 60n)]
    const { findings, summary } = await reconcile(records, from, to)
    assert.deepEqual(findings, [])
    assert.equal(summary?.matched?.count, 4n)
    assert.equal(summary.matchedOutsidePeriodCount, 3n)
  })

  it('takes what of a subject is in the period for all of it where that is what the records say', async () => {
    const { findings, summary } = await reconcile([bySubject(3n, 7n)], at.get(103n), at.get(104n))
    assert.deepEqual([findings, summary?.matched?.count, summary?.matchedOutsidePeriodCount], [[], 1n, 0n])
    const wrong = await reconcile([bySubject(3n, 8n)], at.get(103n), at.get(104n))
    assert.deepEqual(wrong.findings.map(line), ['DIFFERENT s3 credits 8/7'])
  })

  it('looks for what became of a hold beyond the period', async () => {
    const [from, to] = [at.get(111n) ?? 0n, at.get(121n) ?? 0n]
    const { findings, summary } = await reconcile([byTransfer(111n, 20n, debit)], from, to)
    assert.deepEqual([findings, summary?.matchedOutsidePeriodCount], [[], 1n])
  })

  it('takes records in many messages and answers what is known before they end', async () => {
    const stream = (await ledger.admin()).reconcile()
    const reading = stream.responses[Symbol.asyncIterator]()
    const next = async () => ((await reading.next()) as { value: ReconcileResponse }).value.event
    stream.write(ReconcileRequest.fromPartial({ account: 'accounts/wallet.ann' }))
    stream.write(ReconcileRequest.fromPartial({ records: [byTransfer(999n, 1n)] }))
    const first = await next()
    assert.equal(first?.$case === 'finding' ? line(first.finding) : first?.$case, 'MISSING_HERE t999')
    stream.write(ReconcileRequest.fromPartial({ records: [byTransfer(999n, 1n)], last: true }))
    assert.equal((await next())?.$case, 'progress')
    const second = await next()
    assert.equal(second?.$case === 'finding' ? line(second.finding) : second?.$case, 'DUPLICATE t999')
    stream.cancel()
  })

  it('reads an account of several pages, and a record for each of its entries', async function () {
    this.timeout(60_000)
    await makeNamedAccounts(ledger, [], [{ id: 'fees.THB', asset: 'THB', kind: AccountKind.FEE }])
    const [account] = await ledger.engine.lookupAccounts([idOf('fees.THB')])
    const ids = Array.from({ length: 2530 }, (_, index) => 10_000n + BigInt(index))
    for (let from = 0; from < ids.length; from += 253) {
      const part = ids.slice(from, from + 253)
      const fee = { debitAccountId: bank, creditAccountId: idOf('fees.THB'), ledger: account?.ledger ?? 0, amount: 2n }
      await ledger.engine.createTransfers(part.map((id) => transferEvent(id, fee)))
    }
    const records = ids.map((id) => byTransfer(id, 2n))
    records.splice(1500, 1)
    const messages = [0, 1000, 2000].map((from) => ({
      account: from === 0 ? 'accounts/fees.THB' : '',
      records: records.slice(from, from + 1000),
      last: from === 2000,
    }))
    const { findings, summary, progress } = await send(messages)
    assert.deepEqual(findings.map(line), [`MISSING_THERE transfer ${ids[1500]}`])
    assert.equal(summary?.matched?.count, 2529n)
    assert.deepEqual(
      progress.map(({ entryCount }) => entryCount).filter((count) => count > 0n),
      [1000n, 2000n, 2530n],
    )
  })

  it('takes 200,000 records and no more', async function () {
    this.timeout(60_000)
    const stream = (await ledger.admin()).reconcile()
    let goOn: () => void = () => undefined
    stream.onDrain(() => {
      goOn()
    })
    const reading = answersOf(stream)
    stream.write(ReconcileRequest.fromPartial({ account: 'accounts/wallet.ben' }))
    for (let message = 0; message <= 200; message++) {
      const records = Array.from({ length: message === 200 ? 1 : 1000 }, (_, index) =>
        bySubject(BigInt(1 + message * 1000 + index), 1n),
      )
      if (!stream.write(ReconcileRequest.fromPartial({ records }))) await new Promise<void>((go) => (goOn = go))
    }
    const metadata = { most: '200000' }
    await assertFails(reading, { reason: 'TOO_MANY_RECORDS', code: status.INVALID_ARGUMENT, metadata })
  })

  describe('refuses', () => {
    const good = byTransfer(101n, 500n)
    const account = 'accounts/wallet.ann'
    const second = (change: Partial<ReconcileRequest>) => [{ account }, { ...change, last: true }]
    const records = (change: Partial<StatementRecord>) => [{ account, records: [good, { ...good, ...change }] }]

    // In the order of precedence: what is malformed, what is not there, what is too much.
    const malformed: [string, readonly Partial<ReconcileRequest>[], string[]][] = [
      ['nothing', [{}], ['account']],
      ['no name', [{ account: 'wallets/ann' }], ['account']],
      ['no period', [{ account, startTime: timeMessage(9n), endTime: timeMessage(9n) }], ['end_time']],
      ['a time before 1970', [{ account, startTime: { seconds: -1n, nanos: 0 } }], ['start_time']],
      ['an account once more', second({ account }), ['account']],
      [
        'a period once more',
        second({ startTime: timeMessage(1n), endTime: timeMessage(2n) }),
        ['start_time', 'end_time'],
      ],
      ['too long a message', second({ records: Array.from({ length: 1001 }, () => good) }), ['records']],
      ['no external id', records({ externalId: '' }), ['records[1].external_id']],
      ['a long external id', records({ externalId: 'x'.repeat(141) }), ['records[1].external_id']],
      ['no key', records({ key: undefined }), ['records[1].transfer_id']],
      ['a transfer of zero', records(byTransfer(0n, 1n)), ['records[1].transfer_id']],
      ['a subject of zero', records(bySubject(0n, 1n)), ['records[1].subject']],
      ['no side', records({ side: EntrySide.UNSPECIFIED }), ['records[1].side']],
      ['no amount', records({ amount: undefined }), ['records[1].amount.asset_code', 'records[1].amount.minor_units']],
      ['a negative amount', records(byTransfer(1n, -1n)), ['records[1].amount.minor_units']],
      ['a malformed asset', records(byTransfer(1n, 1n, { asset: 'thb' })), ['records[1].amount.asset_code']],
      ['a time that is none', records({ time: { seconds: 0n, nanos: 0 } }), ['records[1].time']],
      ['an unknown status', records({ status: 9 as RecordStatus }), ['records[1].status']],
      ['an undecided subject', records(bySubject(1n, 1n, { undecided: true })), ['records[1].undecided']],
    ]
    for (const [what, messages, fields] of malformed) {
      it(what, () => assertInvalid(send(messages), ...fields))
    }

    it('names the first wrong record alone', async () => {
      const wrong = { ...good, externalId: '' }
      await assertInvalid(send([{ account, records: [wrong, wrong] }]), 'records[0].external_id')
    })

    it('an account that does not exist, once the message is well-formed', async () => {
      const missing = 'accounts/nobody'
      await assertInvalid(
        send([{ account: missing, records: [{ ...good, externalId: '' }] }]),
        'records[0].external_id',
      )
      const metadata = { account: missing }
      await assertFails(send([{ account: missing }]), { reason: 'ACCOUNT_NOT_FOUND', code: status.NOT_FOUND, metadata })
    })

    it('records that end before the last message', async () => {
      const incomplete = { reason: 'RECORDS_INCOMPLETE', code: status.UNAVAILABLE }
      await assertFails(send([]), incomplete)
      await assertFails(send([{ account }]), incomplete)
      await assertFails(send([{ account, records: [good] }]), incomplete)
    })

    it('records that a drain cut off', async () => {
      const draining = await TestLedger.start()
      const accounts = [{ id: 'wallet.ann', asset: 'THB', kind: AccountKind.WALLET }]
      await makeNamedAccounts(draining, ['THB'], accounts)
      const stream = (await draining.admin()).reconcile()
      const responses = stream.responses[Symbol.asyncIterator]()
      stream.write(ReconcileRequest.fromPartial({ account, records: [good] }))
      await responses.next()
      const cut = assertFails(readToEnd(responses), { reason: 'RECORDS_INCOMPLETE', code: status.UNAVAILABLE })
      await Promise.all([cut, draining.stop()])
    })

    it('a peer that may not', async () => {
      const stream = (await ledger.admin('intent')).reconcile()
      stream.end()
      await assert.rejects(answersOf(stream), { reason: 'PEER_NOT_ALLOWED' })
    })
  })
})
