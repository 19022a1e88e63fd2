import assert from 'node:assert/strict'
import { testCertificates } from '../../../dev/testing.js'
import { EntrySide } from '../../../gen/paymesh/ledger/v1/entry.js'
import {
  IntentAdminServiceService,
  ListLedgerRecordsRequest,
  type ListLedgerRecordsResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import {
  ProviderCallbackServiceService,
  ReceiveCallbackRequest,
} from '../../../gen/paymesh/intent/v1/provider_callback_service.js'
import { LedgerAdminServiceService, ReconcileRequest } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import {
  ReconciliationOutcome,
  RecordStatus,
  type StatementRecord,
} from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type Client, createClient } from '../../runtime/client.js'
import { bigintToUuid, fromUint128 } from '../../runtime/ids.js'
import { createPool } from '../../runtime/postgres.js'
import { assertFails } from '../test/assert-fails.js'
import { TestMesh } from '../test/mesh.js'
import { paymentRequest, withdrawalRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { until } from '../test/mesh-process.js'
import { SimulatedProvider } from '../test/simulated-provider.js'

describe('ListLedgerRecords', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let provider: SimulatedProvider
  let ledger: Client<typeof LedgerAdminServiceService>
  let books: ReturnType<typeof createPool>
  let ann: Wallet
  let ben: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    provider = await SimulatedProvider.start()
    intent = await mesh.startIntent({ providers: [provider.options] })
    books = createPool({ url: mesh.ledgerDatabaseUrl, max: 2, applicationName: 'test' })
    const serviceConfig = 'proto/paymesh/ledger/v1/ledger_service_config.json'
    const tls = (await testCertificates()).of('operator')
    ledger = createClient(LedgerAdminServiceService, {
      address: mesh.ledger.address,
      peer: 'ledger',
      tls,
      serviceConfig,
    })
    ann = await intent.wallet('ann', 1_000_000n)
    ben = await intent.wallet('ben')
    for (const amount of [10_000n, 20_000n, 30_000n]) await intent.pay('ann', paymentRequest(ann, ben, amount))
    await intent.pay('ben', paymentRequest(ben, ann, 5_000n))
    await intent.pay('ben', paymentRequest(ben, ann, 9_000_000n))
  })
  after(async () => {
    ledger.close()
    await books.end()
    await mesh.stop()
    await provider.stop()
  })

  const accountOf = ({ name }: Wallet) => `accounts/wallet.${name.slice('wallets/'.length)}`

  async function page(
    request: Parameters<typeof ListLedgerRecordsRequest.fromPartial>[0],
    as: As = operator,
  ): Promise<ListLedgerRecordsResponse> {
    const whole = ListLedgerRecordsRequest.fromPartial(request)
    return (await intent.call(IntentAdminServiceService.listLedgerRecords, whole, as)).message
  }

  async function recordsOf(account: string, pageSize = 0): Promise<StatementRecord[]> {
    const records: StatementRecord[] = []
    let pageToken = ''
    do {
      const found = await page({ account, pageSize, pageToken })
      records.push(...found.records)
      pageToken = found.nextPageToken
    } while (pageToken !== '')
    return records
  }

  /** What the Ledger says to Intent's records of an account. */
  async function reconcile(account: string): Promise<{ findings: string[]; matched: bigint; undecided: bigint }> {
    const stream = ledger.reconcile()
    stream.write(ReconcileRequest.fromPartial({ account, records: await recordsOf(account), last: true }))
    stream.end()
    const findings: string[] = []
    for await (const { event } of stream.responses) {
      if (event?.$case === 'finding') {
        const { outcome, record, differences } = event.finding
        const [name] = Object.entries(ReconciliationOutcome).find(([, value]) => value === outcome) ?? []
        const how = differences.map(({ field, expected, found }) => `${field} ${expected}/${found}`)
        findings.push([name, record?.externalId.replace(/^intents.*(?=legs)/, '') ?? '', ...how].join(' '))
      }
      if (event?.$case !== 'summary') continue
      const { matched, undecided } = event.summary
      return { findings, matched: matched?.count ?? 0n, undecided: undecided?.count ?? 0n }
    }
    throw new Error('no summary came')
  }

  it('says what settled payments and fundings moved on a wallet', async () => {
    const records = await recordsOf(accountOf(ann))
    assert.deepEqual(
      records.map(({ side, amount }) => [side, amount?.minorUnits]),
      [
        [EntrySide.CREDIT, 1_000_000n],
        [EntrySide.DEBIT, 10_100n],
        [EntrySide.DEBIT, 20_100n],
        [EntrySide.DEBIT, 30_100n],
        [EntrySide.CREDIT, 5_000n],
      ],
    )
    assert.ok(records.every(({ undecided, time }) => !undecided && time !== undefined))
    assert.deepEqual(await recordsOf(accountOf(ann), 1), records, 'also by pages of one')
  })

  it('is what the Ledger has, of wallets and of the accounts of the house', async () => {
    const accounts = (await mesh.accounts()).map(({ name }) => name)
    assert.ok(accounts.includes('accounts/transit.THB') && accounts.includes('accounts/fees.THB'))
    for (const account of accounts) assert.deepEqual((await reconcile(account)).findings, [], account)
    assert.equal((await reconcile(accountOf(ann))).matched, 5n)
    assert.ok((await reconcile('accounts/transit.THB')).matched > 10n)
  })

  it('finds a transfer that is gone from the Ledger, one that was altered and one that nobody asked for', async () => {
    const account = accountOf(ann)
    const ids = (await recordsOf(account)).map(({ key }) =>
      bigintToUuid(fromUint128(key?.$case === 'transferId' ? key.transferId : undefined)),
    )
    await books.query('create table kept as select * from transfers where id = any($1::uuid[])', [ids.slice(1, 3)])
    await books.query('delete from transfers where id = $1', [ids[1]])
    await books.query('update transfers set amount = amount + 1 where id = $1', [ids[2]])
    try {
      const { findings, matched } = await reconcile(account)
      assert.deepEqual(findings, ['MISSING_HERE legs/0', 'DIFFERENT legs/0 amount 20100/20101'])
      assert.equal(matched, 3n)
    } finally {
      await books.query('delete from transfers where id = $1', [ids[2]])
      await books.query('insert into transfers table kept')
    }
    await mesh.pool.query('create table kept as select * from intents where amount_minor = 30000')
    await mesh.pool.query('delete from intents where amount_minor = 30000')
    try {
      assert.deepEqual((await reconcile(account)).findings, ['MISSING_THERE '])
    } finally {
      await mesh.pool.query('insert into intents table kept')
    }
    assert.deepEqual((await reconcile(account)).findings, [])
  })

  it('calls undecided what is not finished, whether it happened or not', async () => {
    await mesh.pool.query('create table settled as select * from intents where amount_minor in (10000, 9000000)')
    const unfinished = `update intents set state = 'VALIDATED', settle_time = null, authorize_time = null, settled_minor = null,
      reject_time = null, failure_reason = null, failure_message = null, resume_after = now() + interval '1 hour'
      where amount_minor in (10000, 9000000)`
    await mesh.pool.query(unfinished)
    try {
      const records = await recordsOf(accountOf(ann))
      assert.equal(records.filter(({ undecided }) => undecided).length, 2)
      assert.deepEqual(await reconcile(accountOf(ann)), { findings: [], matched: 5n, undecided: 1n })
    } finally {
      await mesh.pool.query('delete from intents where amount_minor in (10000, 9000000)')
      await mesh.pool.query('insert into intents table settled')
    }
  })

  it('has what is held, what was posted of a hold, and not what was released', async () => {
    const held = paymentRequest(ben, ann, 10_000n, { operationType: 'MERCHANT_CHARGE', holdSeconds: 600 })
    const { message } = await intent.pay('ben', held)
    const pending = async () =>
      (await recordsOf(accountOf(ben))).flatMap((record) => (record.status === RecordStatus.PENDING ? [record] : []))
    assert.deepEqual(
      (await pending()).map(({ amount, undecided }) => [amount?.minorUnits, undecided]),
      [[10_000n, false]],
    )
    for (const wallet of [ann, ben]) assert.deepEqual((await reconcile(accountOf(wallet))).findings, [])
    const confirm = { name: message.name, requestId: 'r', amount: { assetCode: 'THB', minorUnits: 4_000n } }
    await intent.call(IntentServiceService.confirmIntent, confirm, { user: 'ann' })
    const cancelled = (await intent.pay('ben', { ...held, requestId: 'cancelled' })).message
    await intent.call(IntentServiceService.cancelIntent, { name: cancelled.name, requestId: 'c' }, { user: 'ann' })
    assert.deepEqual(await pending(), [])
    assert.equal((await recordsOf(accountOf(ben))).at(-1)?.amount?.minorUnits, 4_000n)
    for (const { name } of await mesh.accounts()) assert.deepEqual((await reconcile(name)).findings, [], name)
  })

  /** A payment that the provider has accepted, and later paid: the next question tells. */
  async function accepted(): Promise<{ paid: Intent; id: string }> {
    provider.behave({ behaviour: 'undecided' })
    const { message: paid } = await intent.pay('ann', withdrawalRequest(ann, 10_000n))
    const id = paid.name.slice('intents/'.length)
    assert.equal(paid.state, IntentState.AUTHORIZED)
    return { paid, id }
  }

  async function paysAtNextQuestion(id: string): Promise<void> {
    provider.decide(id, 'SETTLED')
    await mesh.pool.query('update intents set resume_after = now() where id = $1', [id])
  }

  async function findingsOfAll(): Promise<string[]> {
    const findings: string[] = []
    for (const { name } of await mesh.accounts()) {
      findings.push(...(await reconcile(name)).findings.map((finding) => `${name} ${finding}`))
    }
    return findings
  }

  it('has what a provider paid late and was booked from suspense, and where that is not known yet', async () => {
    const { paid, id } = await accepted()
    const end = { name: paid.name, reason: 'no answer' }
    await intent.call(IntentAdminServiceService.failIntent, end, operator)
    const { headers, body } = provider.callback(id, { status: 'SETTLED' })
    const request = ReceiveCallbackRequest.fromPartial({ provider: 'ipps', body: { data: body } })
    await intent.call(ProviderCallbackServiceService.receiveCallback, request, { anonymous: true, headers })
    const booked = `select from discrepancies where intent_id = $1 and booking = 'BOOKED'`
    await until(async () => (await mesh.pool.query(booked, [id])).rowCount === 1, 'it is booked')
    const suspense = 'accounts/suspense.THB.ipps'
    const records = await recordsOf(suspense)
    assert.deepEqual(
      records.map(({ externalId, side, amount, undecided }) => [externalId, side, amount?.minorUnits, undecided]),
      [[`${paid.name}/booking`, EntrySide.DEBIT, 10_000n, false]],
    )
    assert.deepEqual(await findingsOfAll(), [])
    const unknown = `update discrepancies set booking = 'DUE', book_time = null, book_after = 'infinity' where intent_id = $1`
    await mesh.pool.query(unknown, [id])
    assert.deepEqual(await reconcile(suspense), { findings: [], matched: 1n, undecided: 0n })
    await mesh.pool.query('update discrepancies set book_minor = 9999 where intent_id = $1', [id])
    assert.deepEqual((await reconcile(suspense)).findings, [`DIFFERENT ${paid.name}/booking amount 9999/10000`])
    const known = `update discrepancies set booking = 'BOOKED', book_time = now(), book_minor = 10000 where intent_id = $1`
    await mesh.pool.query(known, [id])
    assert.deepEqual(await findingsOfAll(), [])
  })

  it('has what was booked from suspense anew after a freeze', async () => {
    const { paid, id } = await accepted()
    await intent.call(IntentAdminServiceService.failIntent, { name: paid.name, reason: 'no answer' }, operator)
    const owed = 'accounts/settlement.THB.ipps'
    await mesh.freezeAccount(owed)
    const { headers, body } = provider.callback(id, { status: 'SETTLED' })
    const request = ReceiveCallbackRequest.fromPartial({ provider: 'ipps', body: { data: body } })
    await intent.call(ProviderCallbackServiceService.receiveCallback, request, { anonymous: true, headers })
    const tried = `select from discrepancies where intent_id = $1 and book_minor is not null and book_after > now()`
    const isTried = async () => (await mesh.pool.query(tried, [id])).rowCount === 1
    const again = () => mesh.pool.query('update discrepancies set book_after = now() where intent_id = $1', [id])
    await until(isTried, 'it is tried in vain')
    // A freeze spends one id, however often the booking is tried meanwhile.
    await again()
    await until(isTried, 'it is tried again')
    await mesh.unfreezeAccount(owed)
    const booked = `select from discrepancies where intent_id = $1 and booking = 'BOOKED' and book_try = 1`
    await until(async () => {
      await again()
      return (await mesh.pool.query(booked, [id])).rowCount === 1
    }, 'it is booked')
    assert.deepEqual((await recordsOf('accounts/suspense.THB.ipps')).at(-1)?.externalId, `${paid.name}/booking`)
    assert.deepEqual(await findingsOfAll(), [])
  })

  it('has what was posted anew after a freeze, and does not know of it before', async () => {
    const { paid, id } = await accepted()
    const support = { user: 'sue', permissions: ['wallet:freeze'] }
    await intent.call(WalletServiceService.freezeWallet, { name: ann.name, reason: 'looked into' }, support)
    await paysAtNextQuestion(id)
    const captured = 'select from intents where id = $1 and capture_minor is not null'
    await until(async () => (await mesh.pool.query(captured, [id])).rowCount === 1, 'the provider has paid')
    await intent.call(IntentAdminServiceService.resumeIntent, { name: paid.name }, operator).catch(() => undefined)
    assert.equal((await intent.intent(paid.name)).state, IntentState.AUTHORIZED)
    assert.equal((await reconcile(accountOf(ann))).undecided, 1n)
    assert.deepEqual(await findingsOfAll(), [])
    await intent.call(WalletServiceService.unfreezeWallet, { name: ann.name, reason: 'all is well' }, support)
    await paysAtNextQuestion(id)
    await until(async () => (await intent.intent(paid.name)).state === IntentState.SETTLED, 'it settles')
    // Of the first try the Ledger has burnt the ids.
    const { rows } = await books.query<{ step: string }>(
      `select distinct substr(id::text, 34, 1) as step from transfers where user_data_128 = $1 order by 1`,
      [id],
    )
    assert.deepEqual(
      rows.map(({ step }) => step),
      ['1', '5'],
    )
    assert.deepEqual(await findingsOfAll(), [])
  })

  it('has the intents that were under way in the period, or within a minute of it', async () => {
    const account = accountOf(ann)
    const time = async (of: string) => {
      const { rows } = await mesh.pool.query<{ at: Date }>(`select ${of} as at from intents where amount_minor = 20000`)
      return rows[0]!.at.getTime()
    }
    const sees = async (fromMs: number, toMs: number) => {
      const [startTime, endTime] = [fromMs, toMs].map((ms) => ({
        seconds: BigInt(Math.floor(ms / 1000)),
        nanos: (ms % 1000) * 1_000_000,
      }))
      const { records } = await page({ account, startTime: startTime!, endTime: endTime! })
      return records.some(({ amount }) => amount?.minorUnits === 20_100n)
    }
    const [created, settled] = [await time('create_time'), await time('settle_time')]
    const minute = 60_000
    assert.deepEqual(
      [
        await sees(created, settled + 1),
        await sees(settled + minute, settled + 2 * minute),
        await sees(settled + minute + 1, settled + 2 * minute),
        await sees(created - 2 * minute, created - minute + 1),
        await sees(created - 2 * minute, created - minute),
      ],
      [true, true, false, true, false],
    )
    await mesh.pool.query(`update intents set settle_time = settle_time + interval '2 days' where amount_minor = 20000`)
    const day = 24 * 60 * minute
    try {
      assert.deepEqual(
        [await sees(created + day, created + day + 1), await sees(settled + 3 * day, settled + 4 * day)],
        [true, false],
        'one that took long',
      )
    } finally {
      await mesh.pool.query(
        `update intents set settle_time = settle_time - interval '2 days' where amount_minor = 20000`,
      )
    }
  })

  it('refuses what is malformed', async () => {
    const account = accountOf(ann)
    const invalid = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT' } as const
    const nine = { seconds: 9n, nanos: 0 }
    const { nextPageToken } = await page({ account, pageSize: 1 })
    for (const [request, fields] of [
      [{}, ['account']],
      [{ account: 'wallets/x' }, ['account']],
      [{ account, startTime: { seconds: -1n, nanos: 0 } }, ['start_time']],
      [{ account, endTime: { seconds: 1n, nanos: -1 } }, ['end_time']],
      [{ account, startTime: nine, endTime: nine }, ['end_time']],
      [{ account, pageSize: 1001, pageToken: 'x' }, ['page_size', 'page_token']],
      [{ account: accountOf(ben), pageToken: nextPageToken }, ['page_token']],
    ] as const) {
      await assertFails(page(request), { ...invalid, fields })
    }
  })

  it('is for operators alone', async () => {
    const refused = { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' } as const
    await assertFails(page({ account: accountOf(ann) }, { user: 'ann' }), refused)
    await assertFails(page({ account: accountOf(ann) }, { peer: 'connector' }), refused)
  })
})
