// Runs a payment's chain in the Ledger and says what became of it.
import { type Transfer } from '../../../gen/paymesh/ledger/v1/transfer.js'
import { fromUint128, toUint128, uuidToBigint } from '../../runtime/ids.js'
import { type AccountIds } from '../ledger/account-ids.js'
import { OverloadedError } from '../../runtime/coalesce.js'
import {
  type ChainAction,
  type ChainPlan,
  type Leg,
  legNumberOf,
  legsMax,
  readChainAnswer,
  type RefusalCause,
  type Resolution,
  stepOf,
  transferId,
} from './chain.js'
import { type Failure, type Intent } from '../intents/intent.js'
import { type HouseAccounts } from './house-accounts.js'
import { isUnavailable, type Ledger } from '../ledger/ledger-client.js'

/**
 * What became of a chain. `applied`, `overLimit` and `refused` are final whoever asks and however often, and so is `resolved`, which
 * only a chain that posts or voids can be; `undecided` is everything else, and only the same chain again can settle it.
 */
export type ChainOutcome =
  | { readonly kind: 'applied' }
  /** Of the limits that the decision names, the one at this place is used up, or its account was replaced. */
  | { readonly kind: 'overLimit'; readonly limitIndex: number; readonly before: boolean }
  /** Before: in an earlier call, of whomever, of which only the outcome is known; why can be told by how things stand now. */
  | { readonly kind: 'refused'; readonly failure: Failure; readonly before: boolean }
  /** The hold had ended so before. */
  | { readonly kind: 'resolved'; readonly how: Resolution }
  | { readonly kind: 'undecided'; readonly cause: string }

export interface ChainRunnerDeps {
  readonly ledger: Ledger
  readonly house: HouseAccounts
  readonly accountIds: AccountIds
}

const linked = 1
const pending = 2
const actionFlags: Readonly<Record<ChainAction['kind'], number>> = {
  pay: 0,
  hold: pending,
  post: 4,
  void: 8,
  book: 0,
}

/** Runs the chain; the same intent and attempt always run the same one. */
export async function runChain(deps: ChainRunnerDeps, intent: Intent, plan: ChainPlan): Promise<ChainOutcome> {
  try {
    const ledgerNumber = await deps.ledger.ledgerNumber(plan.assetCode)
    if (ledgerNumber === undefined) return { kind: 'undecided', cause: `asset ${plan.assetCode} is not defined` }
    // Before the chain, because the Ledger burns the id of a leg whose account is missing.
    await deps.house.ensure(plan)
    const transfers = transfersOf(deps.accountIds, intent, plan, ledgerNumber)
    const outcome = await deps.ledger.submit(transfers)
    if (outcome.kind === 'unknown') return { kind: 'undecided', cause: outcome.cause }
    return await readOutcome(deps, plan, transfers, readChainAnswer(outcome.statuses))
  } catch (error) {
    if (isUnavailable(error) || error instanceof OverloadedError) {
      return { kind: 'undecided', cause: error instanceof Error ? error.message : String(error) }
    }
    throw error
  }
}

/** The transfers of a chain, linked, each telling of the intent in `user_data_128`. */
export function transfersOf(accountIds: AccountIds, intent: Intent, plan: ChainPlan, ledgerNumber: number): Transfer[] {
  const { legs, action } = plan
  if (legs.length === 0 || legs.length > legsMax) throw new RangeError(`a chain of ${legs.length} legs`)
  const intentId = uuidToBigint(intent.id)
  const idOf = (step: number, leg: number) => toUint128(transferId(intentId, intent.attempt, step, leg))
  const endsHold = action.kind === 'post' || action.kind === 'void'
  return legs.map((leg, index) => ({
    id: idOf(stepOf(action), legNumberOf(action, index)),
    debitAccountId: accountIds.of(leg.debitAccount),
    creditAccountId: accountIds.of(leg.creditAccount),
    amount: toUint128(leg.amountMinor),
    pendingId: endsHold ? idOf(1, index) : undefined,
    userData128: toUint128(intentId),
    userData64: 0n,
    userData32: 0,
    timeoutSeconds: action.kind === 'hold' ? action.timeoutSeconds : 0,
    ledger: leg.ledger ?? ledgerNumber,
    code: leg.code,
    flags: actionFlags[action.kind] | (index === legs.length - 1 ? 0 : linked),
    timestamp: 0n,
  }))
}

async function readOutcome(
  deps: ChainRunnerDeps,
  plan: ChainPlan,
  transfers: readonly Transfer[],
  answer: ReturnType<typeof readChainAnswer>,
): Promise<ChainOutcome> {
  switch (answer.kind) {
    case 'applied':
      return { kind: 'applied' }
    case 'present':
      return await confirmApplied(deps, transfers)
    case 'refused':
      return refusal(plan, answer.legIndex, answer.cause, false)
    case 'refusedBefore':
      return refusal(plan, answer.legIndex, await causeNow(deps, legAt(plan, answer.legIndex)), true)
    case 'resolved':
      return answer
    case 'undecided':
      return { kind: 'undecided', cause: `leg ${answer.legIndex} was answered with status ${answer.status}` }
  }
}

/** The first transfer is there. Legs happen together, so all must be, and as we would make them. */
async function confirmApplied(deps: ChainRunnerDeps, transfers: readonly Transfer[]): Promise<ChainOutcome> {
  const found = await deps.ledger.lookupTransfers(transfers.map((transfer) => fromUint128(transfer.id)))
  const same = transfers.every((wanted, index) => isSameMovement(wanted, found[index]))
  return same
    ? { kind: 'applied' }
    : { kind: 'undecided', cause: 'the Ledger holds other transfers under the ids of this chain' }
}

function isSameMovement(wanted: Transfer, found: Transfer | undefined): boolean {
  return (
    found !== undefined &&
    fromUint128(wanted.id) === fromUint128(found.id) &&
    fromUint128(wanted.debitAccountId) === fromUint128(found.debitAccountId) &&
    fromUint128(wanted.creditAccountId) === fromUint128(found.creditAccountId) &&
    fromUint128(wanted.amount) === fromUint128(found.amount) &&
    wanted.code === found.code &&
    wanted.flags === found.flags
  )
}

const accountClosed = 32

/**
 * Why a leg was refused in a call whose answer was lost. The Ledger remembers that it was, not why; the leg's accounts
 * tell. An account closed since would tell wrongly, of the reason only: nothing moved in either case.
 */
async function causeNow(deps: ChainRunnerDeps, leg: Leg): Promise<RefusalCause> {
  const ids = [leg.debitAccount, leg.creditAccount].map((name) => fromUint128(deps.accountIds.of(name)))
  const accounts = await deps.ledger.lookupAccounts(ids)
  if (accounts.length < ids.length) return 'ACCOUNT_NOT_FOUND'
  if (accounts.some((account) => (account.flags & accountClosed) !== 0)) return 'ACCOUNT_CLOSED'
  return 'EXCEEDS_BALANCE'
}

function refusal(plan: ChainPlan, legIndex: number, cause: RefusalCause, before: boolean): ChainOutcome {
  const leg = legAt(plan, legIndex)
  // Limits are the first legs, in the decision's order.
  if (leg.role === 'limit' && cause === 'EXCEEDS_BALANCE') return { kind: 'overLimit', limitIndex: legIndex, before }
  return { kind: 'refused', failure: failureOf(leg, cause), before }
}

function legAt(plan: ChainPlan, index: number): Leg {
  const leg = plan.legs[index]
  if (leg === undefined) throw new RangeError(`a chain of ${plan.legs.length} legs has no leg ${index}`)
  return leg
}

const whoseAccount: Readonly<Record<Leg['role'], string>> = {
  payer: "the payer's account",
  payee: "the payee's account",
  fee: 'an account for fees',
  limit: "a limit's account",
}

function failureOf(leg: Leg, cause: RefusalCause): Failure {
  const whose = whoseAccount[leg.role]
  switch (cause) {
    case 'EXCEEDS_BALANCE':
      return leg.role === 'payer'
        ? { reason: 'INSUFFICIENT_FUNDS', message: "The payer's balance does not cover the amount and its fees." }
        : { reason: 'ACCOUNT_LIMIT', message: `A limit of ${whose} does not allow the payment.` }
    case 'ACCOUNT_CLOSED':
      return { reason: 'ACCOUNT_CLOSED', message: `The payment needs ${whose}, which is closed or frozen.` }
    case 'ACCOUNT_NOT_FOUND':
      return { reason: 'ACCOUNT_NOT_FOUND', message: `The payment needs ${whose}, which does not exist.` }
    case 'MALFORMED':
      return { reason: 'CHAIN_REFUSED', message: `The Ledger cannot carry out the payment on ${whose}.` }
  }
}
