import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { assetPath } from '../../runtime/assets.js'
import {
  type Account,
  type AccountEvent,
  AccountFlag,
  accountFlags,
  type BalanceRow,
} from '../state-machine/account.js'
import {
  type AccountFilter,
  AccountFilterFlag,
  QUERY_LIMIT_MAX,
  type QueryFilter,
  QueryFilterFlag,
} from '../state-machine/filters.js'
import { type AccountResult, AccountStatus, type TransferResult, TransferStatus } from '../state-machine/status.js'
import { type Transfer, TransferFlag } from '../state-machine/transfer.js'

type Awaitable<T> = T | Promise<T>

/** A ledger that a transcript can be replayed on. Reads that it does not have yet are left out. */
export interface ReplayableLedger {
  createAccounts(events: readonly AccountEvent[]): Awaitable<readonly AccountResult[]>
  createTransfers(events: readonly Transfer[]): Awaitable<readonly TransferResult[]>
  lookupAccounts(ids: readonly bigint[]): Awaitable<readonly Account[]>
  lookupTransfers(ids: readonly bigint[]): Awaitable<readonly Transfer[]>
  getAccountTransfers?(filter: AccountFilter): Awaitable<readonly Transfer[]>
  getAccountBalances?(filter: AccountFilter): Awaitable<readonly BalanceRow[]>
  queryAccounts?(filter: QueryFilter): Awaitable<readonly Account[]>
  queryTransfers?(filter: QueryFilter): Awaitable<readonly Transfer[]>
  waitSeconds(seconds: number): Awaitable<void>
}

type Value = string | number | readonly string[]
type Row = Readonly<Record<string, Value>>
type Flags = Readonly<Record<string, number>>

interface Step {
  readonly op: string
  readonly events?: readonly Row[]
  readonly ids?: readonly string[]
  readonly filter?: Row
  readonly n?: number
  readonly results?: readonly Row[]
}

export interface Scenario {
  readonly name: string
  readonly about: string
  /** Needs an empty ledger of its own. */
  readonly fresh: boolean
  readonly steps: readonly Step[]
}

export function readScenarios(topic: string): Scenario[] {
  const text = readFileSync(assetPath(`services/ledger/test/transcripts/${topic}.jsonl`), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Scenario)
}

const REVERSED_ONLY: Flags = QueryFilterFlag
const FLAGS_OF: Readonly<Record<string, Flags>> = {
  create_accounts: AccountFlag,
  lookup_accounts: AccountFlag,
  create_transfers: TransferFlag,
  lookup_transfers: TransferFlag,
  get_account_transfers: AccountFilterFlag,
  get_account_balances: AccountFilterFlag,
  query_accounts: REVERSED_ONLY,
  query_transfers: REVERSED_ONLY,
}

/** Replays one scenario; throws at the first answer that differs from the recorded one. */
export async function replay(ledger: ReplayableLedger, scenario: Scenario): Promise<void> {
  const times = new Times()
  for (const [index, step] of scenario.steps.entries()) {
    if (step.op === 'wait_seconds') {
      await ledger.waitSeconds(step.n ?? 0)
      continue
    }
    const actual = await run(ledger, step, times)
    if (actual === undefined) continue
    const where = `${scenario.name}, step ${index} (${step.op}): ${scenario.about}`
    assert.equal(actual.length, step.results?.length, `${where}: number of results`)
    for (const [place, recorded] of (step.results ?? []).entries()) {
      const expected = times.bind(recorded, actual[place]!)
      assert.deepEqual(actual[place], expected, `${where}: result ${place}`)
    }
  }
  times.assertRising(scenario.name)
}

/** The symbols of a scenario and the timestamps they stand for. */
class Times {
  readonly #bound = new Map<string, bigint>()

  /** The recorded row with its symbol replaced; a symbol seen for the first time takes the actual row's timestamp. */
  bind(recorded: Row, actual: Row): Row {
    const symbol = recorded['timestamp']
    if (typeof symbol !== 'string' || !symbol.startsWith('t')) return recorded
    const timestamp = this.#bound.get(symbol) ?? BigInt(String(actual['timestamp'] ?? '0'))
    this.#bound.set(symbol, timestamp)
    return { ...recorded, timestamp: timestamp.toString() }
  }

  resolve(value: Value | undefined): bigint {
    const text = String(value ?? '0')
    if (!text.startsWith('t')) return BigInt(text)
    const [, symbol = '', offset = '0'] = /^(t\d+)([+-]\d+)?$/.exec(text) ?? []
    const bound = this.#bound.get(symbol)
    assert.ok(bound !== undefined, `${text} was not seen yet`)
    return bound + BigInt(offset.replace('+', ''))
  }

  assertRising(name: string): void {
    const inOrder = [...this.#bound].sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)))
    for (const [index, [symbol, time]] of inOrder.entries()) {
      const before = inOrder[index - 1]
      if (before) assert.ok(before[1] < time, `${name}: ${before[0]} is before ${symbol}`)
    }
  }
}

/** The answer in the transcript's own form; undefined where the ledger does not have this read. */
async function run(ledger: ReplayableLedger, step: Step, times: Times): Promise<readonly Row[] | undefined> {
  const filter = step.filter ?? {}
  if (number(filter, 'limit') > QUERY_LIMIT_MAX) return [{ error: 'too_much_data' }]
  const flags = FLAGS_OF[step.op] ?? {}
  const ids = (step.ids ?? []).map(BigInt)
  switch (step.op) {
    case 'create_accounts':
      return resultRows(AccountStatus, await ledger.createAccounts((step.events ?? []).map((e) => account(e, times))))
    case 'create_transfers':
      return resultRows(
        TransferStatus,
        await ledger.createTransfers((step.events ?? []).map((e) => transfer(e, times))),
      )
    case 'lookup_accounts':
      return (await ledger.lookupAccounts(ids)).map(accountRow)
    case 'lookup_transfers':
      return (await ledger.lookupTransfers(ids)).map(transferRow)
    case 'get_account_transfers':
      return (await ledger.getAccountTransfers?.(accountFilter(filter, flags, times)))?.map(transferRow)
    case 'get_account_balances':
      return (await ledger.getAccountBalances?.(accountFilter(filter, flags, times)))?.map(balanceRow)
    case 'query_accounts':
      return (await ledger.queryAccounts?.(queryFilter(filter, flags, times)))?.map(accountRow)
    case 'query_transfers':
      return (await ledger.queryTransfers?.(queryFilter(filter, flags, times)))?.map(transferRow)
    default:
      throw new Error(`unknown step ${step.op}`)
  }
}

function number(row: Row, field: string): number {
  return Number(row[field] ?? 0)
}

function big(row: Row, field: string): bigint {
  return BigInt(String(row[field] ?? '0'))
}

function bits(row: Row, flags: Flags): number {
  const names = Array.isArray(row['flags']) ? (row['flags'] as string[]) : []
  return names.reduce((sum, name) => {
    const bit = name.startsWith('bit') ? 2 ** Number(name.slice(3)) : flags[name.toUpperCase()]
    assert.ok(bit !== undefined, `unknown flag ${name}`)
    return sum | bit
  }, 0)
}

function userData(row: Row) {
  return {
    userData128: big(row, 'user_data_128'),
    userData64: big(row, 'user_data_64'),
    userData32: number(row, 'user_data_32'),
  }
}

function account(row: Row, times: Times): AccountEvent {
  return {
    id: big(row, 'id'),
    debitsPending: big(row, 'debits_pending'),
    debitsPosted: big(row, 'debits_posted'),
    creditsPending: big(row, 'credits_pending'),
    creditsPosted: big(row, 'credits_posted'),
    ...userData(row),
    reserved: number(row, 'reserved'),
    ledger: number(row, 'ledger'),
    code: number(row, 'code'),
    flags: bits(row, AccountFlag),
    timestamp: times.resolve(row['timestamp']),
  }
}

function transfer(row: Row, times: Times): Transfer {
  return {
    id: big(row, 'id'),
    debitAccountId: big(row, 'debit_account_id'),
    creditAccountId: big(row, 'credit_account_id'),
    amount: big(row, 'amount'),
    pendingId: big(row, 'pending_id'),
    ...userData(row),
    timeoutSeconds: number(row, 'timeout'),
    ledger: number(row, 'ledger'),
    code: number(row, 'code'),
    flags: bits(row, TransferFlag),
    timestamp: times.resolve(row['timestamp']),
  }
}

function commonFilter(row: Row, flags: Flags, times: Times) {
  return {
    ...userData(row),
    code: number(row, 'code'),
    timestampMin: times.resolve(row['timestamp_min']),
    timestampMax: times.resolve(row['timestamp_max']),
    limit: number(row, 'limit'),
    flags: bits(row, flags),
  }
}

function accountFilter(row: Row, flags: Flags, times: Times): AccountFilter {
  return { accountId: big(row, 'account_id'), ...commonFilter(row, flags, times) }
}

function queryFilter(row: Row, flags: Flags, times: Times): QueryFilter {
  return { ledger: number(row, 'ledger'), ...commonFilter(row, flags, times) }
}

function resultRows(
  statuses: Readonly<Record<string, number>>,
  results: readonly { status: number; timestamp: bigint }[],
): Row[] {
  const names = new Map(Object.entries(statuses).map(([name, code]) => [code, name.toLowerCase()]))
  return results.map(({ status, timestamp }) => ({
    status: names.get(status) ?? `unknown ${status}`,
    timestamp: timestamp.toString(),
  }))
}

function accountRow(found: Account): Row {
  const { id, debitsPending, debitsPosted, creditsPending, creditsPosted, ledger, code, timestamp } = found
  return row({
    id,
    debits_pending: debitsPending,
    debits_posted: debitsPosted,
    credits_pending: creditsPending,
    credits_posted: creditsPosted,
    user_data_128: found.userData128,
    user_data_64: found.userData64,
    user_data_32: found.userData32,
    ledger,
    code,
    flags: names(accountFlags(found), AccountFlag),
    timestamp,
  })
}

function transferRow(found: Transfer): Row {
  return row({
    id: found.id,
    debit_account_id: found.debitAccountId,
    credit_account_id: found.creditAccountId,
    amount: found.amount,
    pending_id: found.pendingId,
    user_data_128: found.userData128,
    user_data_64: found.userData64,
    user_data_32: found.userData32,
    timeout: found.timeoutSeconds,
    ledger: found.ledger,
    code: found.code,
    flags: names(found.flags, TransferFlag),
    timestamp: found.timestamp,
  })
}

function balanceRow({ debitsPending, debitsPosted, creditsPending, creditsPosted, timestamp }: BalanceRow): Row {
  return row({
    debits_pending: debitsPending,
    debits_posted: debitsPosted,
    credits_pending: creditsPending,
    credits_posted: creditsPosted,
    timestamp,
  })
}

function names(bits: number, flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : name.toLowerCase()))
}

/** Leaves out what is zero or empty, and writes large integers as the transcripts do. */
function row(fields: Readonly<Record<string, bigint | Value>>): Row {
  const kept = Object.entries(fields).flatMap(([name, value]) => {
    if (value === 0n || value === 0 || (Array.isArray(value) && value.length === 0)) return []
    return [[name, typeof value === 'bigint' ? value.toString() : value] as const]
  })
  return Object.fromEntries(kept)
}
