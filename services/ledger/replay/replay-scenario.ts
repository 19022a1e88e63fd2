import { isDeepStrictEqual } from 'node:util'
import { AccountFilterFlag, QueryFilterFlag } from '../state-machine/filters.js'
import { AccountStatus, TransferStatus } from '../state-machine/status.js'
import { NotExpressibleError, type ReplayedEngine, type ReplayedLedger, TooMuchDataError } from './replayed-ledger.js'
import { type Scenario, type Step } from './scenario.js'
import {
  accountEvent,
  accountFilter,
  accountRow,
  balanceRow,
  queryFilter,
  resultRows,
  type Row,
  transferEvent,
  transferRow,
  type Value,
} from './transcript-rows.js'

/** What came of a scenario. */
export type Replayed =
  | { readonly kind: 'same' }
  /** Sentences, at least one. */
  | { readonly kind: 'different'; readonly differences: readonly string[] }
  /** The transport can't carry one of its requests. */
  | { readonly kind: 'not expressible'; readonly reason: string }

// A ledger that went another way at one step goes on another way: what follows explains nothing any more.
const DIFFERENCES_MAX = 20

/** Replays one scenario, to its end or until it differs in twenty places. */
export async function replayScenario(ledger: ReplayedLedger, scenario: Scenario): Promise<Replayed> {
  const times = new Times()
  const differences: string[] = []
  for (const [index, step] of scenario.steps.entries()) {
    if (differences.length >= DIFFERENCES_MAX) break
    if (step.op === 'wait_seconds') {
      await ledger.waitSeconds(step.n)
      continue
    }
    try {
      const found = compare(step.results, await run(ledger.engine, step, times), times)
      differences.push(...found.map((difference) => `step ${index} (${step.op}), ${difference}`))
    } catch (error) {
      if (error instanceof NotExpressibleError) return { kind: 'not expressible', reason: error.message }
      throw error
    }
  }
  differences.push(...times.orderDifferences())
  return differences.length === 0 ? { kind: 'same' } : { kind: 'different', differences }
}

function compare(recorded: readonly Row[], actual: readonly Row[], times: Times): string[] {
  const differences: string[] = []
  if (recorded.length !== actual.length) differences.push(`${recorded.length} results recorded, ${actual.length} found`)
  for (const [place, wanted] of recorded.entries()) {
    const found = actual[place]
    if (found === undefined) break
    const expected = times.bind(wanted, found)
    if (isDeepStrictEqual(found, expected)) continue
    differences.push(`result ${place}: recorded ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`)
  }
  return differences
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

  readonly resolve = (value: Value | undefined): bigint => {
    const text = String(value ?? '0')
    if (!text.startsWith('t')) return BigInt(text)
    const [, symbol = '', offset = '0'] = /^(t\d+)([+-]\d+)?$/.exec(text) ?? []
    const bound = this.#bound.get(symbol)
    if (bound === undefined) throw new Error(`the transcript uses ${text} before any answer had it`)
    return bound + BigInt(offset.replace('+', ''))
  }

  orderDifferences(): string[] {
    const inOrder = [...this.#bound].sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)))
    return inOrder.flatMap(([symbol, time], index) => {
      const [before, timeBefore] = inOrder[index - 1] ?? ['', -1n]
      return timeBefore < time ? [] : [`${before} (${timeBefore}) is not before ${symbol} (${time})`]
    })
  }
}

/** The answer in the transcript's own form. */
async function run(engine: ReplayedEngine, step: Step, { resolve }: Times): Promise<readonly Row[]> {
  try {
    return step.events.length > 0 || step.op.startsWith('create')
      ? await create(engine, step, resolve)
      : await read(engine, step, resolve)
  } catch (error) {
    if (error instanceof TooMuchDataError) return [{ error: 'too_much_data' }]
    throw error
  }
}

async function create(engine: ReplayedEngine, step: Step, time: Times['resolve']): Promise<readonly Row[]> {
  if (step.op === 'create_accounts') {
    const events = step.events.map((event) => accountEvent(event, time))
    return resultRows(AccountStatus, await engine.createAccounts(events))
  }
  const { results } = await engine.createTransfers(step.events.map((event) => transferEvent(event, time)))
  return resultRows(TransferStatus, results)
}

async function read(engine: ReplayedEngine, step: Step, time: Times['resolve']): Promise<readonly Row[]> {
  const ids = step.ids.map(BigInt)
  const ofAccount = () => accountFilter(step.filter, AccountFilterFlag, time)
  const anywhere = () => queryFilter(step.filter, QueryFilterFlag, time)
  switch (step.op) {
    case 'lookup_accounts':
      return (await engine.lookupAccounts(ids)).map(accountRow)
    case 'lookup_transfers':
      return (await engine.lookupTransfers(ids)).map(transferRow)
    case 'get_account_transfers':
      return (await engine.getAccountTransfers(ofAccount())).map(transferRow)
    case 'get_account_balances':
      return (await engine.getAccountBalances(ofAccount())).map(balanceRow)
    case 'query_accounts':
      return (await engine.queryAccounts(anywhere())).map(accountRow)
    case 'query_transfers':
      return (await engine.queryTransfers(anywhere())).map(transferRow)
    default:
      throw new Error(`${step.op} is not a read`)
  }
}
