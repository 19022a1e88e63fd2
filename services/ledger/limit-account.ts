import { AccountKind } from '../../gen/paymesh/ledger/v1/account.js'
import { uuidV5ToUint128 } from '../runtime/ids.js'
import { type Engine } from './engine.js'
import { newAccountEvent } from './new-account-event.js'
import { type Account, AccountFlag } from './state-machine/account.js'
import { TransferStatus, transferStatusName } from './state-machine/status.js'
import { type Transfer, TransferFlag } from './state-machine/transfer.js'
import { U128_MAX } from './state-machine/u128.js'

// Limits: a cap on what one may spend in a window is an account that is funded with the cap and may not be overdrawn.
// Every payment's chain debits it together with the money, so no cache and no crash can let more through.
//
// A window is a line of accounts, each funded once, of which the last is spent from. Four transfers make it, each with
// an id that derives from what may happen only once, so that any number of callers with any caps fund the window once:
//
//   start    source → first account: the cap. The id derives from the window alone.
//   confirm  source → account: nothing. It notes a higher version that has the same cap.
//   empty    account → sink: all that is left of it. It is an account's last turn; confirmations are those before it. The
//            id of a turn derives from the account and the turn's number.
//   succeed  source → next account: the cap less what was used, or nothing. The id derives from the emptied account.
//
// Who takes a turn has read all turns before it. So a version that is lower than one that was confirmed finds that, or finds
// its turn taken: once a call with a version was answered, no lower one ever sets the cap again.
//
// Whoever finds that a step was taken follows it to the account that it funded. What was used of an account is what it
// was funded with less what the empty step found: both never change, so whoever takes the succeed step, whenever, takes
// it with the same amount. A hold of an emptied account can still post and void; what a void frees was counted as used
// and is given back to nobody. Accounts are emptied and not closed, since a closed one could not take the post.
//
// An account carries its cap (user_data_64) and the version that set it (user_data_128), a confirmation its version
// (user_data_64). Only a version that is higher than all of these takes the window on, when it has another cap. A process
// that dies after the empty step leaves a window that nobody can spend from until the next call, with whatever version, has
// taken the succeed step.

/** What is capped. */
export interface LimitKey {
  readonly limit: string
  readonly scopeKey: string
  readonly window: string
  /** The ledger of the metric: the limits ledger of an asset, or the one that counts. */
  readonly ledger: number
}

export interface LimitCap {
  /** 0 or more. */
  readonly cap: bigint
  /** 1 or more. */
  readonly version: bigint
}

/** A window as it stands. */
export interface LimitState {
  /** The account to spend from. */
  readonly name: string
  readonly accountId: bigint
  readonly cap: bigint
  readonly used: bigint
  readonly left: bigint
  readonly held: bigint
}

export type LimitOutcome =
  | { readonly kind: 'open'; readonly state: LimitState }
  | { readonly kind: 'unopened' }
  /** The window is of another metric. */
  | { readonly kind: 'mismatch' }

export interface LimitDeps {
  readonly engine: Engine
  /** What ids are derived with. */
  readonly namespace: string
}

/** The code of limit accounts, and of every transfer on their ledgers. */
export const LIMIT_CODE = AccountKind.LIMIT

/** Every account of a window, the one to spend from last. */
interface Line {
  readonly accounts: readonly Account[]
  /** What each account was funded with. */
  readonly funded: ReadonlyMap<bigint, bigint>
  /** What the empty step found left of each emptied account. */
  readonly emptied: ReadonlyMap<bigint, bigint>
  /** The highest version that set or confirmed the cap of the last account, and how many turns that has seen. */
  readonly version: bigint
  readonly turnCount: number
}

// A cap changes a few times in a window, in two steps each. So many in a row, while one call looks on, are a bug.
const STEPS_MAX = 1000

/** Sees to it that a window can be spent from, under this cap or one of a higher version. */
export async function ensureLimit(deps: LimitDeps, key: LimitKey, wanted: LimitCap): Promise<LimitOutcome> {
  for (let count = 0; count < STEPS_MAX; count++) {
    const line = await readLine(deps, key)
    if (line === 'mismatch') return { kind: 'mismatch' }
    const current = line.accounts.at(-1)
    if (current === undefined) {
      if (!(await start(deps, key, wanted))) return { kind: 'mismatch' }
      continue
    }
    const isNewer = wanted.version > line.version
    if (line.emptied.has(current.id)) {
      // Somebody's succeed step is missing. An older version must not take the window back to its own cap.
      const kept = { cap: capOf(current), version: line.version }
      await succeed(deps, key, line, current, isNewer ? wanted : kept)
    } else if (!isNewer) {
      return { kind: 'open', state: stateOf(key, line) }
    } else if (wanted.cap === capOf(current)) {
      await confirm(deps, key, line, current, wanted.version)
    } else {
      await empty(deps, key, line, current)
    }
  }
  throw new Error(`the window ${windowName(key)} did not come to rest`)
}

/** False: an account of this name is there, on the ledger of another metric. */
async function start(deps: LimitDeps, key: LimitKey, wanted: LimitCap): Promise<boolean> {
  const account = await makeAccount(deps, key, wanted, 0)
  if (account.ledger !== key.ledger) return false
  await move(deps, fundingOf(deps, key, transferIds(deps, key).start, account, capOf(account)))
  return true
}

/** How a window stands, without changing it. */
export async function readLimit(deps: LimitDeps, key: LimitKey): Promise<LimitOutcome> {
  const line = await readLine(deps, key)
  if (line === 'mismatch') return { kind: 'mismatch' }
  if (line.accounts.length === 0) return { kind: 'unopened' }
  return { kind: 'open', state: stateOf(key, line) }
}

/** Where what was spent goes. */
export function sinkOf(deps: LimitDeps, key: LimitKey): { name: string; id: bigint } {
  const name = `limits/sink/${key.ledger}`
  return { name, id: uuidV5ToUint128(deps.namespace, name) }
}

async function readLine(deps: LimitDeps, key: LimitKey): Promise<Line | 'mismatch'> {
  const ids = transferIds(deps, key)
  const accounts: Account[] = []
  const funded = new Map<bigint, bigint>()
  const emptied = new Map<bigint, bigint>()
  let [version, turnCount] = [0n, 0]
  let [funding] = await deps.engine.lookupTransfers([ids.start])
  while (funding !== undefined) {
    if (funding.ledger !== key.ledger) return 'mismatch'
    const accountId = funding.creditAccountId
    const [[account], steps] = await Promise.all([
      deps.engine.lookupAccounts([accountId]),
      readSteps(deps, key, accountId),
    ])
    if (account === undefined) throw new Error(`an account of the window ${windowName(key)} vanished`)
    accounts.push(account)
    funded.set(accountId, funding.amount)
    version = versionOf(account)
    turnCount = steps.turns.length
    for (const turn of steps.turns) {
      if (turn.debitAccountId === accountId) emptied.set(accountId, turn.amount)
      else version = turn.userData64
    }
    funding = steps.succeed
  }
  return { accounts, funded, emptied, version, turnCount }
}

// One lookup finds as many turns, and a rule set is seldom published so often in a window; where it is, the next lookups find
// ever more, up to what a batch holds beside the succeed step.
const TURNS_READ_MIN = 4
const TURNS_READ_MAX = 252

/** The turns of an account in their order, and its succeed step. */
async function readSteps(
  { engine, namespace }: LimitDeps,
  key: LimitKey,
  accountId: bigint,
): Promise<{ readonly turns: readonly Transfer[]; readonly succeed: Transfer | undefined }> {
  const ids = transferIds({ namespace }, key)
  const turns: Transfer[] = []
  for (let count = TURNS_READ_MIN; ; count = Math.min(2 * count, TURNS_READ_MAX)) {
    const wanted = Array.from({ length: count }, (_, index) => ids.turn(accountId, turns.length + index))
    const found = await engine.lookupTransfers([...wanted, ids.succeed(accountId)])
    const read = wanted.flatMap((id) => found.find((transfer) => transfer.id === id) ?? [])
    turns.push(...read)
    // The succeed step comes after the last turn, so it is looked at together with it, or after it.
    if (read.length < count) return { turns, succeed: found.find(({ id }) => id === ids.succeed(accountId)) }
  }
}

/** Notes that a higher version has the cap of the account too. */
async function confirm(deps: LimitDeps, key: LimitKey, line: Line, current: Account, version: bigint): Promise<void> {
  await move(deps, {
    ...limitTransfer(key, transferIds(deps, key).turn(current.id, line.turnCount)),
    debitAccountId: sourceId(deps, key),
    creditAccountId: current.id,
    userData64: version,
  })
}

async function empty(deps: LimitDeps, key: LimitKey, line: Line, current: Account): Promise<void> {
  const sink = sinkOf(deps, key)
  await move(deps, {
    ...limitTransfer(key, transferIds(deps, key).turn(current.id, line.turnCount)),
    debitAccountId: current.id,
    creditAccountId: sink.id,
    // As much as there is; that may be nothing.
    amount: U128_MAX,
    flags: TransferFlag.BALANCING_DEBIT,
  })
}

async function succeed(deps: LimitDeps, key: LimitKey, line: Line, current: Account, next: LimitCap): Promise<void> {
  const account = await makeAccount(deps, key, next, line.accounts.length)
  const usedOf = (id: bigint) => (line.funded.get(id) ?? 0n) - (line.emptied.get(id) ?? 0n)
  const used = line.accounts.reduce((sum, { id }) => sum + usedOf(id), 0n)
  const cap = capOf(account)
  const amount = cap > used ? cap - used : 0n
  await move(deps, fundingOf(deps, key, transferIds(deps, key).succeed(current.id), account, amount))
}

/**
 * The account of a cap. Two callers may name the same account with different caps, against the rule that a version says
 * one thing: the first is then the cap of both.
 */
async function makeAccount(deps: LimitDeps, key: LimitKey, { cap, version }: LimitCap, step: number): Promise<Account> {
  const id = uuidV5ToUint128(deps.namespace, accountName(key, version, step))
  const flags = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
  const account = {
    ...newAccountEvent(id, key.ledger, LIMIT_CODE, flags),
    userData64: cap,
    userData128: stamp(version, step),
  }
  const house = [sinkOf(deps, key).id, sourceId(deps, key)]
  await deps.engine.createAccounts([account, ...house.map((one) => newAccountEvent(one, key.ledger, LIMIT_CODE, 0))])
  const [made] = await deps.engine.lookupAccounts([id])
  if (made === undefined) throw new Error(`the engine refused an account of the window ${windowName(key)}`)
  return made
}

function fundingOf(deps: LimitDeps, key: LimitKey, id: bigint, account: Account, amount: bigint): Transfer {
  const debitAccountId = sourceId(deps, key)
  return { ...limitTransfer(key, id), debitAccountId, creditAccountId: account.id, amount }
}

function limitTransfer({ ledger }: LimitKey, id: bigint): Transfer {
  return {
    id,
    debitAccountId: 0n,
    creditAccountId: 0n,
    amount: 0n,
    pendingId: 0n,
    userData128: 0n,
    userData64: 0n,
    userData32: 0,
    timeoutSeconds: 0,
    ledger,
    code: LIMIT_CODE,
    flags: 0,
    timestamp: 0n,
  }
}

/** Takes a step, unless it was taken. Who took it, and with what, is read afterwards. */
async function move({ engine }: LimitDeps, transfer: Transfer): Promise<void> {
  const { results } = await engine.createTransfers([transfer])
  const [result] = results
  if (result === undefined) throw new Error('the engine did not answer')
  switch (result.status) {
    case TransferStatus.CREATED:
    case TransferStatus.EXISTS:
    case TransferStatus.EXISTS_WITH_DIFFERENT_FLAGS:
    case TransferStatus.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID:
    case TransferStatus.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID:
    case TransferStatus.EXISTS_WITH_DIFFERENT_AMOUNT:
    case TransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64:
    case TransferStatus.EXISTS_WITH_DIFFERENT_LEDGER:
      return
    default:
      throw new Error(`the engine refused a step of a limit: ${transferStatusName(result.status)}`)
  }
}

function stateOf(key: LimitKey, { accounts, emptied }: Line): LimitState {
  const current = accounts.at(-1)
  if (current === undefined) throw new Error(`the window ${windowName(key)} has no account`)
  const sum = (value: (account: Account) => bigint) => accounts.reduce((total, account) => total + value(account), 0n)
  const { creditsPosted, debitsPosted, debitsPending } = current
  return {
    name: accountName(key, versionOf(current), stepOf(current)),
    accountId: current.id,
    cap: capOf(current),
    used: sum((account) => account.debitsPosted + account.debitsPending - (emptied.get(account.id) ?? 0n)),
    left: creditsPosted - debitsPosted - debitsPending,
    held: sum((account) => account.debitsPending),
  }
}

const STEP_BITS = 64n

/** The version and the place in the line, which together name the account. */
function stamp(version: bigint, step: number): bigint {
  return (BigInt(step) << STEP_BITS) | version
}

function versionOf({ userData128 }: Account): bigint {
  return userData128 & ((1n << STEP_BITS) - 1n)
}

function stepOf({ userData128 }: Account): number {
  return Number(userData128 >> STEP_BITS)
}

function capOf({ userData64 }: Account): bigint {
  return userData64
}

/** No part but the scope key can hold a dot, so no two windows share a name. */
function windowName({ limit, scopeKey, window }: LimitKey): string {
  return `limits/${limit}.${scopeKey}.${window}`
}

function accountName(key: LimitKey, version: bigint, step: number): string {
  return `${windowName(key)}.${version}.${step}`
}

function sourceId({ namespace }: LimitDeps, { ledger }: LimitKey): bigint {
  return uuidV5ToUint128(namespace, `limits/source/${ledger}`)
}

/** The ids of the steps. */
function transferIds({ namespace }: Pick<LimitDeps, 'namespace'>, key: LimitKey) {
  return {
    start: uuidV5ToUint128(namespace, `${windowName(key)}/start`),
    // The first has the name of the only one that there was once.
    turn: (accountId: bigint, turn: number) =>
      uuidV5ToUint128(namespace, `limits/empty/${accountId}${turn === 0 ? '' : `/${turn}`}`),
    succeed: (accountId: bigint) => uuidV5ToUint128(namespace, `limits/succeed/${accountId}`),
  }
}
