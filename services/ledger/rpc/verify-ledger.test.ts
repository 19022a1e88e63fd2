import assert from 'node:assert/strict'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { VerifyLedgerRequest, type VerifyLedgerResponse } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import {
  type Finding,
  FindingKind,
  type Summary,
  VerificationPhase,
} from '../../../gen/paymesh/ledger/v1/verification.js'
import { AccountFlag } from '../state-machine/account.js'
import { TransferStatus } from '../state-machine/status.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { uuidText } from '../postgres-engine/text.js'
import {
  accountEvent,
  assertInvalid,
  eventually,
  makeNamedAccounts,
  TestLedger,
  transferEvent,
} from '../test/harness.js'

const hex = (id: bigint) => `'${uuidText(id)}'`

interface Verified {
  readonly findings: readonly Finding[]
  readonly summary: Summary | undefined
  readonly messages: readonly VerifyLedgerResponse[]
}

async function verify(ledger: TestLedger, request: Partial<VerifyLedgerRequest> = {}): Promise<Verified> {
  const messages: VerifyLedgerResponse[] = []
  const admin = await ledger.admin()
  for await (const message of admin.verifyLedger(VerifyLedgerRequest.fromPartial(request))) messages.push(message)
  const findings = messages.flatMap(({ event }) => (event?.$case === 'finding' ? [event.finding] : []))
  const last = messages.at(-1)?.event
  return { findings, messages, summary: last?.$case === 'summary' ? last.summary : undefined }
}

const TABLES = [
  'named_accounts',
  'accounts',
  'transfers',
  'pending_transfers',
  'failed_transfers',
  'journal',
  'ledger_head',
  'account_balances',
]

/** Runs a statement that breaks the store, looks at what is found, and puts everything back. */
async function findingsAfter(ledger: TestLedger, statement: string): Promise<string[]> {
  const { pool } = ledger
  tables += 1
  for (const name of TABLES) await pool.query(`create table before_${tables}_${name} as table ${name}`)
  try {
    const { rowCount } = await pool.query(statement)
    assert.equal(rowCount, 1, 'the statement breaks one row')
    const { findings, summary } = await verify(ledger)
    assert.equal(summary?.findingCount, BigInt(findings.length))
    return findings.map(({ kind, subject }) => `${kindName(kind)} ${subject}`).sort()
  } finally {
    for (const name of TABLES) {
      await pool.query(`delete from ${name}`)
      await pool.query(`insert into ${name} table before_${tables}_${name}`)
    }
  }
}
let tables = 0

function kindName(kind: FindingKind): string {
  return Object.entries(FindingKind).find(([, value]) => value === kind)?.[0] ?? String(kind)
}

/** Accounts 6 and 7 keep history: moved, held, posted, voided, and holds that expired between transfers and after. */
async function makeHistory({ engine }: TestLedger): Promise<void> {
  const on6 = { ledger: 6, debitAccountId: 6n, creditAccountId: 7n }
  const held = { ...on6, flags: TransferFlag.PENDING }
  const resolving = { ledger: 0, debitAccountId: 0n, creditAccountId: 0n, code: 0 }
  const { POST_PENDING_TRANSFER, VOID_PENDING_TRANSFER } = TransferFlag
  await engine.createTransfers([
    transferEvent(31n, { ...on6, amount: 100n }),
    transferEvent(32n, { ...held, amount: 8n }),
    transferEvent(33n, { ...held, amount: 7n }),
    transferEvent(34n, { ...held, amount: 5n, timeoutSeconds: 1 }),
    transferEvent(35n, { ...resolving, pendingId: 32n, amount: 6n, flags: POST_PENDING_TRANSFER }),
  ])
  const heldBy6 = async (amount: bigint) => (await engine.lookupAccounts([6n]))[0]?.debitsPending === amount
  await eventually(() => heldBy6(7n), 'the first hold expired')
  await engine.createTransfers([
    transferEvent(36n, { ...resolving, pendingId: 33n, amount: 0n, flags: VOID_PENDING_TRANSFER }),
    transferEvent(37n, { ...held, amount: 3n, timeoutSeconds: 1 }),
  ])
  await eventually(() => heldBy6(0n), 'the second hold expired')
}

describe('LedgerAdminService.VerifyLedger', () => {
  let ledger: TestLedger
  before(async () => {
    ledger = await TestLedger.start()
    await makeNamedAccounts(
      ledger,
      ['THB'],
      [
        { id: 'settlement.THB', asset: 'THB', kind: AccountKind.SETTLEMENT },
        { id: 'transit.THB', asset: 'THB', kind: AccountKind.TRANSIT },
        { id: 'wallet.a', asset: 'THB', kind: AccountKind.WALLET },
      ],
    )
    const limited = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
    await ledger.engine.createAccounts([
      accountEvent(1n, { ledger: 7 }),
      accountEvent(2n, { ledger: 7, flags: limited }),
      accountEvent(3n, { ledger: 8, flags: AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS }),
      accountEvent(4n, { ledger: 8 }),
      accountEvent(5n, { ledger: 7, code: AccountKind.TRANSIT }),
      accountEvent(6n, { ledger: 6, flags: AccountFlag.HISTORY }),
      accountEvent(7n, { ledger: 6, flags: AccountFlag.HISTORY }),
      accountEvent(8n, { ledger: 6 }),
    ])
    await makeHistory(ledger)
    const on7 = { ledger: 7, debitAccountId: 1n, creditAccountId: 2n }
    const { results } = await ledger.engine.createTransfers([
      transferEvent(11n, { ...on7, amount: 100n }),
      transferEvent(12n, { ...on7, debitAccountId: 2n, creditAccountId: 1n, amount: 60n, flags: TransferFlag.PENDING }),
      transferEvent(13n, { ...on7, debitAccountId: 2n, creditAccountId: 1n, amount: 10n, flags: TransferFlag.PENDING }),
      transferEvent(14n, { ...on7, amount: 5n, flags: TransferFlag.PENDING }),
      transferEvent(15n, { ...on7, debitAccountId: 9n }),
      transferEvent(16n, { ledger: 8, debitAccountId: 3n, creditAccountId: 4n, amount: 50n }),
      transferEvent(17n, { ledger: 8, debitAccountId: 4n, creditAccountId: 3n, amount: 50n }),
      transferEvent(18n, { ...on7, creditAccountId: 5n, amount: 3n }),
      transferEvent(19n, { ...on7, debitAccountId: 5n, amount: 3n }),
    ])
    assert.equal(results[4]?.status, TransferStatus.DEBIT_ACCOUNT_NOT_FOUND)
    await ledger.engine.createTransfers([
      transferEvent(21n, {
        pendingId: 13n,
        amount: 4n,
        ledger: 0,
        debitAccountId: 0n,
        creditAccountId: 0n,
        code: 0,
        flags: TransferFlag.POST_PENDING_TRANSFER,
      }),
      transferEvent(22n, {
        pendingId: 14n,
        amount: 0n,
        ledger: 0,
        debitAccountId: 0n,
        creditAccountId: 0n,
        code: 0,
        flags: TransferFlag.VOID_PENDING_TRANSFER,
      }),
    ])
  })
  after(() => ledger.stop())

  it('finds nothing in books that are right, and says how much it saw', async () => {
    const { findings, summary, messages } = await verify(ledger)
    assert.deepEqual(findings, [])
    const head = await ledger.pool.query<{ batch: bigint; hash: Buffer }>('select batch, hash from ledger_head')
    assert.equal(summary?.findingCount, 0n)
    assert.equal(summary.accountCount, 11n)
    assert.equal(summary.transferCount, 17n)
    assert.equal(summary.batchCount, head.rows[0]?.batch)
    assert.deepEqual(Buffer.from(summary.hash), head.rows[0]?.hash)
    const phases = messages.flatMap(({ event }) => (event?.$case === 'progress' ? [event.progress.phase] : []))
    assert.deepEqual(
      [...new Set(phases)],
      [
        VerificationPhase.JOURNAL,
        VerificationPhase.ACCOUNTS,
        VerificationPhase.TRANSFERS,
        VerificationPhase.LEDGERS,
        VerificationPhase.NAMES,
      ],
    )
  })

  const two = `accounts/${uuidText(2n)}`
  const account = (id: bigint) => `accounts/${uuidText(id)}`
  const transfer = (id: bigint) => `transfers/${uuidText(id)}`
  const batchOf = (id: bigint) => `(select batch from transfers where id = ${hex(id)})`
  const keptAfter = (id: bigint, transferId: bigint) =>
    `account_id = ${hex(id)} and timestamp = (select timestamp from transfers where id = ${hex(transferId)})`
  const broken: [string, string, (batch: (id: bigint) => string) => string[]][] = [
    [
      'a posted balance',
      `update accounts set credits_posted = credits_posted + 1 where id = ${hex(2n)}`,
      () => [`BALANCE_DIFFERS_FROM_TRANSFERS ${two}`, 'DEBITS_DIFFER_FROM_CREDITS ledgers/7'],
    ],
    [
      'a pending balance',
      `update accounts set debits_pending = debits_pending - 1 where id = ${hex(2n)}`,
      () => ['DEBITS_DIFFER_FROM_CREDITS ledgers/7', `PENDING_DIFFERS_FROM_HOLDS ${two}`],
    ],
    [
      'a leg',
      `update transfers set amount = 101 where id = ${hex(11n)}`,
      (batch) => [
        `BALANCE_DIFFERS_FROM_TRANSFERS ${account(1n)}`,
        `BALANCE_DIFFERS_FROM_TRANSFERS ${two}`,
        `JOURNAL_BROKEN ${batch(11n)}`,
      ],
    ],
    [
      'a leg that is gone',
      `delete from transfers where id = ${hex(17n)}`,
      (batch) => [
        `BALANCE_DIFFERS_FROM_TRANSFERS ${account(3n)}`,
        `BALANCE_DIFFERS_FROM_TRANSFERS ${account(4n)}`,
        `JOURNAL_BROKEN ${batch(16n)}`,
      ],
    ],
    [
      'a hash of the journal: its batch, and the one that follows from it',
      `update journal set hash = sha256(hash) where batch = ${batchOf(11n)}`,
      (batch) => [`JOURNAL_BROKEN ${batch(11n)}`, `JOURNAL_BROKEN ${batch(21n)}`],
    ],
    [
      'a row of the journal that is gone: its place, and the batch that follows from it',
      `delete from journal where batch = ${batchOf(11n)}`,
      (batch) => [`JOURNAL_BROKEN ${batch(11n)}`, `JOURNAL_BROKEN ${batch(21n)}`],
    ],
    [
      'the end of the journal',
      `delete from journal where batch = ${batchOf(21n)}`,
      (batch) => [`JOURNAL_BROKEN ${batch(21n)}`],
    ],
    [
      'a count of the journal',
      `update journal set transfer_count = transfer_count + 1 where batch = ${batchOf(11n)}`,
      (batch) => [`JOURNAL_BROKEN ${batch(11n)}`],
    ],
    ['the hash in the head', 'update ledger_head set hash = sha256(hash)', (batch) => [`JOURNAL_BROKEN ${batch(21n)}`]],
    [
      'the batch in the head: rows are of a batch that there is not, and the hash is of another',
      'update ledger_head set batch = batch - 1',
      (batch) => [`JOURNAL_BROKEN ${batch(11n)}`, `JOURNAL_BROKEN ${batch(21n)}`],
    ],
    [
      'the clock of a batch',
      `update journal set last_timestamp = last_timestamp + 1 where batch = ${batchOf(11n)}`,
      (batch) => [`JOURNAL_BROKEN ${batch(11n)}`],
    ],
    [
      'the status of a spent id',
      `update failed_transfers set status = status + 1 where id = ${hex(15n)}`,
      (batch) => [`JOURNAL_BROKEN ${batch(11n)}`],
    ],
    [
      'an open hold that says what ended it',
      `update pending_transfers set resolved_batch = 3 where id = ${hex(12n)}`,
      () => [`HOLD_STATE_DIFFERS ${transfer(12n)}`],
    ],
    [
      'a spent id that is gone',
      `delete from failed_transfers where id = ${hex(15n)}`,
      (batch) => [`JOURNAL_BROKEN ${batch(11n)}`],
    ],
    [
      'an account that was changed',
      `update accounts set user_data_32 = 1 where id = ${hex(4n)}`,
      (batch) => [`JOURNAL_BROKEN ${batch(-1n)}`],
    ],
    [
      'a hold that says it was posted and was not',
      `update pending_transfers set state = 2 where id = ${hex(12n)}`,
      () => [
        `HOLD_STATE_DIFFERS ${transfer(12n)}`,
        `PENDING_DIFFERS_FROM_HOLDS ${account(1n)}`,
        `PENDING_DIFFERS_FROM_HOLDS ${two}`,
      ],
    ],
    [
      'a post of a hold that is open',
      `update pending_transfers set state = 1, resolved_batch = null where id = ${hex(13n)}`,
      () => [
        `ORPHAN_POST_OR_VOID ${transfer(21n)}`,
        `PENDING_DIFFERS_FROM_HOLDS ${account(1n)}`,
        `PENDING_DIFFERS_FROM_HOLDS ${two}`,
      ],
    ],
    [
      'a void of a hold that was posted',
      `update pending_transfers set state = 2 where id = ${hex(14n)}`,
      () => [`ORPHAN_POST_OR_VOID ${transfer(22n)}`],
    ],
    [
      'a void of a hold that another batch released',
      `update pending_transfers set resolved_batch = resolved_batch - 1 where id = ${hex(14n)}`,
      () => [`ORPHAN_POST_OR_VOID ${transfer(22n)}`],
    ],
    [
      'a post of nothing',
      `update transfers set pending_id = ${hex(99n)} where id = ${hex(21n)}`,
      (batch) => [
        `HOLD_STATE_DIFFERS ${transfer(13n)}`,
        `JOURNAL_BROKEN ${batch(21n)}`,
        `ORPHAN_POST_OR_VOID ${transfer(21n)}`,
      ],
    ],
    [
      'a post of what is no hold',
      `update transfers set pending_id = ${hex(11n)} where id = ${hex(21n)}`,
      (batch) => [
        `HOLD_STATE_DIFFERS ${transfer(13n)}`,
        `JOURNAL_BROKEN ${batch(21n)}`,
        `ORPHAN_POST_OR_VOID ${transfer(21n)}`,
      ],
    ],
    [
      'a hold without a state',
      `delete from pending_transfers where id = ${hex(12n)}`,
      () => [
        `HOLD_STATE_DIFFERS ${transfer(12n)}`,
        `PENDING_DIFFERS_FROM_HOLDS ${account(1n)}`,
        `PENDING_DIFFERS_FROM_HOLDS ${two}`,
      ],
    ],
    [
      'a transfer to an account of another ledger',
      `update transfers set ledger = 8 where id = ${hex(11n)}`,
      (batch) => [
        `JOURNAL_BROKEN ${batch(11n)}`,
        `ORPHAN_TRANSFER ${transfer(11n)}`,
        `ORPHAN_TRANSFER ${transfer(11n)}`,
      ],
    ],
    [
      'an account that is gone',
      `delete from accounts where id = ${hex(5n)}`,
      (batch) => [
        `JOURNAL_BROKEN ${batch(-1n)}`,
        `ORPHAN_TRANSFER ${transfer(18n)}`,
        `ORPHAN_TRANSFER ${transfer(19n)}`,
      ],
    ],
    [
      'money in transit',
      `update accounts set credits_posted = credits_posted + 1 where id = ${hex(5n)}`,
      () => [
        `BALANCE_DIFFERS_FROM_TRANSFERS ${account(5n)}`,
        'DEBITS_DIFFER_FROM_CREDITS ledgers/7',
        `TRANSIT_NOT_ZERO ${account(5n)}`,
      ],
    ],
    [
      'an account below zero',
      `update accounts set debits_posted = 1000 where id = ${hex(2n)}`,
      () => [
        `BALANCE_BEYOND_FLAGS ${two}`,
        `BALANCE_DIFFERS_FROM_TRANSFERS ${two}`,
        'DEBITS_DIFFER_FROM_CREDITS ledgers/7',
      ],
    ],
    [
      'an account above zero that may not be',
      `update accounts set credits_posted = 1000 where id = ${hex(3n)}`,
      () => [
        `BALANCE_BEYOND_FLAGS ${account(3n)}`,
        `BALANCE_DIFFERS_FROM_TRANSFERS ${account(3n)}`,
        'DEBITS_DIFFER_FROM_CREDITS ledgers/8',
      ],
    ],
    ...[
      ['posted', 'debits_posted = debits_posted + 1'],
      ['pending', 'debits_pending = debits_pending + 1'],
      ['released', 'debits_pending = debits_pending - 1'],
    ].map(([what, change]): [string, string, () => string[]] => [
      `a kept balance that was changed (${what}): its row, and the one that follows from it`,
      `update account_balances set ${change} where ${keptAfter(6n, 33n)}`,
      () => [`BALANCE_HISTORY_DIFFERS ${account(6n)}`, `BALANCE_HISTORY_DIFFERS ${account(6n)}`],
    ]),
    [
      'a kept balance in which a hold did not expire',
      `update account_balances set debits_pending = debits_pending + 5 where ${keptAfter(6n, 36n)}`,
      () => [`BALANCE_HISTORY_DIFFERS ${account(6n)}`],
    ],
    [
      'a kept balance that is the last',
      `update account_balances set credits_posted = credits_posted + 1 where ${keptAfter(7n, 37n)}`,
      () => [`BALANCE_HISTORY_DIFFERS ${account(7n)}`, `BALANCE_HISTORY_DIFFERS ${account(7n)}`],
    ],
    [
      'a kept balance that is the last, of what was held then',
      `update account_balances set credits_pending = credits_pending - 3 where ${keptAfter(7n, 37n)}`,
      () => [`BALANCE_HISTORY_DIFFERS ${account(7n)}`, `BALANCE_HISTORY_DIFFERS ${account(7n)}`],
    ],
    ...[31n, 34n, 37n].map((id): [string, string, () => string[]] => [
      `a kept balance that is gone (after ${id})`,
      `delete from account_balances where ${keptAfter(6n, id)}`,
      () => [`BALANCE_HISTORY_DIFFERS ${account(6n)}`],
    ]),
    [
      'a kept balance that is of no transfer',
      `insert into account_balances select timestamp + 1, account_id, debits_pending, debits_posted, credits_pending,
        credits_posted from account_balances where ${keptAfter(6n, 35n)}`,
      () => [`BALANCE_HISTORY_DIFFERS ${account(6n)}`],
    ],
    [
      'balances of an account that keeps none',
      `insert into account_balances select timestamp, ${hex(8n)}, debits_pending, debits_posted, credits_pending,
        credits_posted from account_balances where ${keptAfter(6n, 35n)}`,
      () => [`BALANCE_HISTORY_DIFFERS ${account(8n)}`],
    ],
    [
      'the kind of a name',
      `update named_accounts set kind = 2 where name = 'accounts/wallet.a'`,
      () => ['METADATA_DIFFERS accounts/wallet.a'],
    ],
    [
      'the id of a name',
      `update named_accounts set id = ${hex(77n)} where name = 'accounts/wallet.a'`,
      () => ['METADATA_DIFFERS accounts/wallet.a'],
    ],
  ]
  for (const [what, statement, expected] of broken) {
    it(`finds ${what}`, async () => {
      const { rows } = await ledger.pool.query<{ id: string; batch: bigint }>('select id::text, batch from transfers')
      const accounts = await ledger.pool.query<{ batch: bigint }>(`select batch from accounts where id = ${hex(5n)}`)
      const batches = new Map(rows.map(({ id, batch }) => [id.replaceAll('-', ''), batch]))
      const batch = (id: bigint) => `batches/${batches.get(uuidText(id)) ?? accounts.rows[0]?.batch}`
      assert.deepEqual(await findingsAfter(ledger, statement), [...expected(batch)].sort())
      assert.deepEqual((await verify(ledger)).findings, [], 'the books are right again')
    })
  }

  it('verifies the journal alone', async () => {
    const { summary } = await verify(ledger, { onlyJournal: true })
    assert.deepEqual([summary?.accountCount, summary?.findingCount], [0n, 0n])
    assert.ok(summary !== undefined && summary.batchCount > 0n)
  })

  it('goes on where it was, and counts what was before', async () => {
    const whole = await verify(ledger)
    const tokens = whole.messages.flatMap(({ event }) =>
      event?.$case === 'progress' ? [event.progress.resumeToken] : [],
    )
    assert.ok(tokens.length >= 4)
    for (const [index, resumeToken] of tokens.entries()) {
      const rest = await verify(ledger, { resumeToken })
      assert.deepEqual(rest.summary, whole.summary)
      assert.equal(rest.messages.length, whole.messages.length - index - 1)
    }
    await assertInvalid(verify(ledger, { resumeToken: 'nonsense' }), 'resume_token')
    await assertInvalid(verify(ledger, { resumeToken: tokens[0]!, onlyJournal: true }), 'resume_token')
  })

  it('is right while writes go on, and over many pages', async function () {
    this.timeout(60_000)
    const ids = Array.from({ length: 450 }, (_, index) => 1000n + BigInt(index))
    for (const part of [ids.slice(0, 250), ids.slice(250)]) {
      await ledger.engine.createAccounts(part.map((id) => accountEvent(id, { ledger: 9, flags: AccountFlag.HISTORY })))
    }
    const state = { done: false, next: 1_000_000n }
    const write = async () => {
      while (!state.done) {
        const events = Array.from({ length: 100 }, (_, index) => {
          const at = (offset: number) => ids[(Number(state.next % 450n) + index + offset) % 450]!
          return transferEvent(state.next++, { ledger: 9, debitAccountId: at(0), creditAccountId: at(7) })
        })
        await ledger.engine.createTransfers(events)
      }
    }
    const writing = write()
    try {
      for (let round = 0; round < 5; round += 1) {
        const { findings, summary } = await verify(ledger)
        assert.deepEqual(findings, [])
        assert.ok(summary !== undefined && summary.accountCount >= 450n)
      }
    } finally {
      state.done = true
      await writing
    }
  })
})
