// A payment in the Ledger's terms: the legs of a chain, the ids of its transfers, and what the chain's answer means.
//
// A transfer id is the intent's id with its last 16 bits replaced by attempt (4), step (4) and leg (8). Intent ids end
// in 16 zero bits and steps count from 1, so the ids of two intents can never meet: the intents' primary key guards
// them. Whoever runs the chain of an intent, and however often, asks for the same transfers; the Ledger moves the money
// once.
import { strict as assert } from 'node:assert'
import { TransferStatus } from '../ledger/transfer-status.js'

/** TigerBeetle with its development batch size takes no more, and the Ledger promises the same on either engine. */
export const legsMax = 253

/** Why money moves, kept as the transfer's code for ever. Never renumber. */
export const TransferCode = {
  PAY: 1,
  RECEIVE: 2,
  FEE: 3,
  FUND: 4,
  CHARGE: 5,
  REFUND: 6,
  WITHDRAW: 7,
  LATE_SUCCESS: 8,
} as const
export type TransferCode = (typeof TransferCode)[keyof typeof TransferCode]

/** One movement. The role says whose account decides when the leg is refused. */
export interface Leg {
  readonly role: 'payer' | 'payee' | 'fee' | 'limit'
  /** The Ledger's names, `accounts/{account}`. */
  readonly debitAccount: string
  readonly creditAccount: string
  /** In minor units, or what a limit counts. More than zero, but for a leg that posts nothing of what was held. */
  readonly amountMinor: bigint
  /** A TransferCode, but for what a limit counts. */
  readonly code: number
  /** The ledger of a limit's accounts; undefined: that of the chain's asset. */
  readonly ledger?: number
}

/** What a chain does with its legs, and so which step of the payment it is. Never renumber steps. */
export type ChainAction =
  /** Step 1: moves the money. */
  | { readonly kind: 'pay' }
  /** Step 1: holds the money; it is free again after the timeout, unless posted or voided before. */
  | { readonly kind: 'hold'; readonly timeoutSeconds: number }
  /**
   * Step 2: moves what was held; legs may be smaller than those that were held, also zero. Tries after the first, of which
   * the Ledger has burnt an id, are steps 5 to 15.
   */
  | { readonly kind: 'post'; readonly tryNumber: number }
  /** Step 3: releases what was held, with the very legs that were held. */
  | { readonly kind: 'void' }
  /**
   * Step 4: books what a provider paid although the hold was released, in one leg. Its number is that of the try: 0, and up to
   * 255 after tries of which the Ledger has burnt the id.
   */
  | { readonly kind: 'book'; readonly tryNumber: number }

/** Everything that one step moves: all legs or none. The transit account ends where it began. */
export interface ChainPlan {
  readonly assetCode: string
  readonly action: ChainAction
  /** In the order in which they are tried; 1 to 253. */
  readonly legs: readonly Leg[]
}

/** The step of an action, for transfer ids: 1 to 15. A hold and a payment are the same step: an intent makes one. */
export function stepOf(action: ChainAction): number {
  if (action.kind === 'post' && action.tryNumber > 0) return 4 + action.tryNumber
  return { pay: 1, hold: 1, post: 2, void: 3, book: 4 }[action.kind]
}

/** The number of a leg, for transfer ids: its place in the chain, or the try at a booking. */
export function legNumberOf(action: ChainAction, index: number): number {
  return action.kind === 'book' ? action.tryNumber + index : index
}

/** How often what was held may be posted anew. */
export const postTryMax = 11
/** How often what a provider paid may be booked anew. */
export const bookTryMax = 255

const derivedBits = 16n

/** How often a chain may be tried anew, under ids of its own. */
export const attemptMax = 15

/** A UUIDv7 made fit to derive transfer ids from: its last 16 bits are zero. */
export function intentIdFrom(uuid: string): string {
  return `${uuid.slice(0, -4)}0000`
}

/** The 128-bit id of a leg's transfer. */
export function transferId(intentId: bigint, attempt: number, step: number, leg: number): bigint {
  assert(BigInt.asUintN(Number(derivedBits), intentId) === 0n, 'an intent id ends in 16 zero bits')
  assert(
    attempt >= 0 && attempt <= attemptMax && step > 0 && step < 16 && leg >= 0 && leg < 256,
    'attempt, step, leg in range',
  )
  return intentId | BigInt((attempt << 12) | (step << 8) | leg)
}

/**
 * What the statuses of a chain mean.
 *
 * - `applied`: the money moved, by this very call.
 * - `present`: transfers of these ids are there; applied if all are, with this content. To be looked up.
 * - `refused`: nothing moved, and these ids can never move anything: the Ledger burns the id of a leg that failed for
 *   a reason that may pass, and all other reasons are properties of the chain itself.
 * - `refusedBefore`: as `refused`, decided in an earlier call whose answer was lost.
 * - `resolved`: nothing moved, because the hold was posted, voided or over before.
 * - `undecided`: nothing moved, but the same chain might yet pass, or the Ledger holds something else under these ids.
 *   Neither settled nor rejected may follow.
 */
export type ChainAnswer =
  | { readonly kind: 'applied' }
  | { readonly kind: 'present' }
  | { readonly kind: 'refused'; readonly legIndex: number; readonly cause: RefusalCause }
  | { readonly kind: 'refusedBefore'; readonly legIndex: number }
  | { readonly kind: 'resolved'; readonly how: Resolution }
  | { readonly kind: 'undecided'; readonly legIndex: number; readonly status: TransferStatus }

/** How a hold came to its end. */
export type Resolution = 'POSTED' | 'VOIDED' | 'EXPIRED'

export type RefusalCause = 'EXCEEDS_BALANCE' | 'ACCOUNT_CLOSED' | 'ACCOUNT_NOT_FOUND' | 'MALFORMED'

/** Reads a chain's statuses, one a leg. */
export function readChainAnswer(statuses: readonly TransferStatus[]): ChainAnswer {
  if (statuses.every((status) => status === TransferStatus.created)) return { kind: 'applied' }
  const legIndex = statuses.findIndex((status) => status !== TransferStatus.linked_event_failed)
  const breaker = statuses[legIndex]
  assert(breaker !== undefined && breaker !== TransferStatus.created, 'a broken chain has one leg that broke it')
  const others = statuses.filter((_, index) => index !== legIndex)
  assert(
    others.every((status) => status === TransferStatus.linked_event_failed),
    'the other legs of a broken chain fail with it',
  )
  return readBreaker(breaker, legIndex)
}

function readBreaker(status: TransferStatus, legIndex: number): ChainAnswer {
  const meaning = meanings[status]
  switch (meaning) {
    case 'PRESENT':
      return { kind: 'present' }
    case 'REFUSED_BEFORE':
      return { kind: 'refusedBefore', legIndex }
    case 'EXCEEDS_BALANCE':
    case 'ACCOUNT_CLOSED':
    case 'ACCOUNT_NOT_FOUND':
    case 'MALFORMED':
      return { kind: 'refused', legIndex, cause: meaning }
    case 'POSTED':
    case 'VOIDED':
    case 'EXPIRED':
      return { kind: 'resolved', how: meaning }
    case 'UNDECIDED':
      return { kind: 'undecided', legIndex, status }
  }
}

const T = TransferStatus

/** What a status means on the leg that broke its chain: every status, so that a new one does not compile unread. */
const meanings: Readonly<
  Record<TransferStatus, RefusalCause | Resolution | 'PRESENT' | 'REFUSED_BEFORE' | 'UNDECIDED'>
> = {
  [T.exists]: 'PRESENT',
  [T.id_already_failed]: 'REFUSED_BEFORE',
  [T.exceeds_credits]: 'EXCEEDS_BALANCE',
  [T.exceeds_debits]: 'EXCEEDS_BALANCE',
  [T.debit_account_already_closed]: 'ACCOUNT_CLOSED',
  [T.credit_account_already_closed]: 'ACCOUNT_CLOSED',
  [T.debit_account_not_found]: 'ACCOUNT_NOT_FOUND',
  [T.credit_account_not_found]: 'ACCOUNT_NOT_FOUND',
  // Wrong in the transfer itself or against what never changes of the accounts: the same chain fails for ever.
  [T.linked_event_chain_open]: 'MALFORMED',
  [T.timestamp_must_be_zero]: 'MALFORMED',
  [T.reserved_flag]: 'MALFORMED',
  [T.id_must_not_be_zero]: 'MALFORMED',
  [T.id_must_not_be_int_max]: 'MALFORMED',
  [T.flags_are_mutually_exclusive]: 'MALFORMED',
  [T.debit_account_id_must_not_be_zero]: 'MALFORMED',
  [T.debit_account_id_must_not_be_int_max]: 'MALFORMED',
  [T.credit_account_id_must_not_be_zero]: 'MALFORMED',
  [T.credit_account_id_must_not_be_int_max]: 'MALFORMED',
  [T.accounts_must_be_different]: 'MALFORMED',
  [T.pending_id_must_be_zero]: 'MALFORMED',
  [T.pending_id_must_not_be_zero]: 'MALFORMED',
  [T.pending_id_must_not_be_int_max]: 'MALFORMED',
  [T.pending_id_must_be_different]: 'MALFORMED',
  [T.timeout_reserved_for_pending_transfer]: 'MALFORMED',
  [T.ledger_must_not_be_zero]: 'MALFORMED',
  [T.code_must_not_be_zero]: 'MALFORMED',
  [T.accounts_must_have_the_same_ledger]: 'MALFORMED',
  [T.transfer_must_have_the_same_ledger_as_accounts]: 'MALFORMED',
  [T.closing_transfer_must_be_pending]: 'MALFORMED',
  // An overflow passes when a balance falls, and its id is not burnt.
  [T.overflows_debits_pending]: 'UNDECIDED',
  [T.overflows_credits_pending]: 'UNDECIDED',
  [T.overflows_debits_posted]: 'UNDECIDED',
  [T.overflows_credits_posted]: 'UNDECIDED',
  [T.overflows_debits]: 'UNDECIDED',
  [T.overflows_credits]: 'UNDECIDED',
  [T.overflows_timeout]: 'UNDECIDED',
  // Another transfer has our id: somebody else's, or this service changed the legs of an intent under way.
  [T.exists_with_different_flags]: 'UNDECIDED',
  [T.exists_with_different_debit_account_id]: 'UNDECIDED',
  [T.exists_with_different_credit_account_id]: 'UNDECIDED',
  [T.exists_with_different_amount]: 'UNDECIDED',
  [T.exists_with_different_pending_id]: 'UNDECIDED',
  [T.exists_with_different_user_data_128]: 'UNDECIDED',
  [T.exists_with_different_user_data_64]: 'UNDECIDED',
  [T.exists_with_different_user_data_32]: 'UNDECIDED',
  [T.exists_with_different_timeout]: 'UNDECIDED',
  [T.exists_with_different_code]: 'UNDECIDED',
  [T.exists_with_different_ledger]: 'UNDECIDED',
  // Whoever resolved the hold, it ended so for ever.
  [T.pending_transfer_already_posted]: 'POSTED',
  [T.pending_transfer_already_voided]: 'VOIDED',
  [T.pending_transfer_expired]: 'EXPIRED',
  // Of holds that are not ours or not what we made, and of imports, which no chain here asks for.
  [T.pending_transfer_not_found]: 'UNDECIDED',
  [T.pending_transfer_not_pending]: 'UNDECIDED',
  [T.pending_transfer_has_different_debit_account_id]: 'UNDECIDED',
  [T.pending_transfer_has_different_credit_account_id]: 'UNDECIDED',
  [T.pending_transfer_has_different_ledger]: 'UNDECIDED',
  [T.pending_transfer_has_different_code]: 'UNDECIDED',
  [T.exceeds_pending_transfer_amount]: 'UNDECIDED',
  [T.pending_transfer_has_different_amount]: 'UNDECIDED',
  [T.imported_event_expected]: 'UNDECIDED',
  [T.imported_event_not_expected]: 'UNDECIDED',
  [T.imported_event_timestamp_out_of_range]: 'UNDECIDED',
  [T.imported_event_timestamp_must_not_advance]: 'UNDECIDED',
  [T.imported_event_timestamp_must_not_regress]: 'UNDECIDED',
  [T.imported_event_timestamp_must_postdate_debit_account]: 'UNDECIDED',
  [T.imported_event_timestamp_must_postdate_credit_account]: 'UNDECIDED',
  [T.imported_event_timeout_must_be_zero]: 'UNDECIDED',
  // Never the breaker.
  [T.linked_event_failed]: 'UNDECIDED',
  [T.created]: 'UNDECIDED',
}
