// A payment in the Ledger's terms: the legs of a chain, the ids of its transfers, and what the chain's answer means.
//
// A transfer id is the intent's id with its last 16 bits replaced by attempt (4), step (4) and leg (8). Intent ids end
// in 16 zero bits and steps count from 1, so the ids of two intents can never meet: the intents' primary key guards
// them. Whoever runs the chain of an intent, and however often, asks for the same transfers; the Ledger moves the money
// once.
import { strict as assert } from 'node:assert'
import { TransferStatus } from './transfer-status.js'

/** TigerBeetle with its development batch size takes no more, and the Ledger promises the same on either engine. */
export const legsMax = 253

/** Why money moves, kept as the transfer's code for ever. Never renumber. */
export const TransferCode = { PAY: 1, RECEIVE: 2, FEE: 3, FUND: 4 } as const
export type TransferCode = (typeof TransferCode)[keyof typeof TransferCode]

/** One movement. The role says whose account decides when the leg is refused. */
export interface Leg {
  readonly role: 'payer' | 'payee' | 'fee'
  /** The Ledger's names, `accounts/{account}`. */
  readonly debitAccount: string
  readonly creditAccount: string
  /** More than zero. */
  readonly amountMinor: bigint
  readonly code: TransferCode
}

/** Everything that one step moves: all legs or none. The transit account ends where it began. */
export interface ChainPlan {
  readonly assetCode: string
  /** 1 to 15. */
  readonly step: number
  /** In the order in which they are tried; 1 to 253. */
  readonly legs: readonly Leg[]
}

const derivedBits = 16n

/** A UUIDv7 made fit to derive transfer ids from: its last 16 bits are zero. */
export function intentIdFrom(uuid: string): string {
  return `${uuid.slice(0, -4)}0000`
}

/** The 128-bit id of a leg's transfer. */
export function transferId(intentId: bigint, attempt: number, step: number, leg: number): bigint {
  assert(BigInt.asUintN(Number(derivedBits), intentId) === 0n, 'an intent id ends in 16 zero bits')
  assert(attempt >= 0 && attempt < 16 && step > 0 && step < 16 && leg >= 0 && leg < 256, 'attempt, step, leg in range')
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
 * - `undecided`: nothing moved, but the same chain might yet pass, or the Ledger holds something else under these ids.
 *   Neither settled nor rejected may follow.
 */
export type ChainAnswer =
  | { readonly kind: 'applied' }
  | { readonly kind: 'present' }
  | { readonly kind: 'refused'; readonly legIndex: number; readonly cause: RefusalCause }
  | { readonly kind: 'refusedBefore'; readonly legIndex: number }
  | { readonly kind: 'undecided'; readonly legIndex: number; readonly status: TransferStatus }

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
  switch (status) {
    case TransferStatus.exists:
      return { kind: 'present' }
    case TransferStatus.id_already_failed:
      return { kind: 'refusedBefore', legIndex }
    case TransferStatus.exceeds_credits:
    case TransferStatus.exceeds_debits:
      return { kind: 'refused', legIndex, cause: 'EXCEEDS_BALANCE' }
    case TransferStatus.debit_account_already_closed:
    case TransferStatus.credit_account_already_closed:
      return { kind: 'refused', legIndex, cause: 'ACCOUNT_CLOSED' }
    case TransferStatus.debit_account_not_found:
    case TransferStatus.credit_account_not_found:
      return { kind: 'refused', legIndex, cause: 'ACCOUNT_NOT_FOUND' }
    // Wrong in the transfer itself or against what never changes of the accounts: the same chain fails for ever.
    case TransferStatus.linked_event_chain_open:
    case TransferStatus.timestamp_must_be_zero:
    case TransferStatus.reserved_flag:
    case TransferStatus.id_must_not_be_zero:
    case TransferStatus.id_must_not_be_int_max:
    case TransferStatus.flags_are_mutually_exclusive:
    case TransferStatus.debit_account_id_must_not_be_zero:
    case TransferStatus.debit_account_id_must_not_be_int_max:
    case TransferStatus.credit_account_id_must_not_be_zero:
    case TransferStatus.credit_account_id_must_not_be_int_max:
    case TransferStatus.accounts_must_be_different:
    case TransferStatus.pending_id_must_be_zero:
    case TransferStatus.pending_id_must_not_be_zero:
    case TransferStatus.pending_id_must_not_be_int_max:
    case TransferStatus.pending_id_must_be_different:
    case TransferStatus.timeout_reserved_for_pending_transfer:
    case TransferStatus.ledger_must_not_be_zero:
    case TransferStatus.code_must_not_be_zero:
    case TransferStatus.accounts_must_have_the_same_ledger:
    case TransferStatus.transfer_must_have_the_same_ledger_as_accounts:
    case TransferStatus.closing_transfer_must_be_pending:
      return { kind: 'refused', legIndex, cause: 'MALFORMED' }
    // An overflow passes when a balance falls, and its id is not burnt.
    case TransferStatus.overflows_debits_pending:
    case TransferStatus.overflows_credits_pending:
    case TransferStatus.overflows_debits_posted:
    case TransferStatus.overflows_credits_posted:
    case TransferStatus.overflows_debits:
    case TransferStatus.overflows_credits:
    case TransferStatus.overflows_timeout:
    // Another transfer has our id: somebody else's, or this service changed the legs of an intent under way.
    case TransferStatus.exists_with_different_flags:
    case TransferStatus.exists_with_different_debit_account_id:
    case TransferStatus.exists_with_different_credit_account_id:
    case TransferStatus.exists_with_different_amount:
    case TransferStatus.exists_with_different_pending_id:
    case TransferStatus.exists_with_different_user_data_128:
    case TransferStatus.exists_with_different_user_data_64:
    case TransferStatus.exists_with_different_user_data_32:
    case TransferStatus.exists_with_different_timeout:
    case TransferStatus.exists_with_different_code:
    case TransferStatus.exists_with_different_ledger:
    // Of holds and imports, which no chain here asks for.
    case TransferStatus.pending_transfer_not_found:
    case TransferStatus.pending_transfer_not_pending:
    case TransferStatus.pending_transfer_has_different_debit_account_id:
    case TransferStatus.pending_transfer_has_different_credit_account_id:
    case TransferStatus.pending_transfer_has_different_ledger:
    case TransferStatus.pending_transfer_has_different_code:
    case TransferStatus.exceeds_pending_transfer_amount:
    case TransferStatus.pending_transfer_has_different_amount:
    case TransferStatus.pending_transfer_already_posted:
    case TransferStatus.pending_transfer_already_voided:
    case TransferStatus.pending_transfer_expired:
    case TransferStatus.imported_event_expected:
    case TransferStatus.imported_event_not_expected:
    case TransferStatus.imported_event_timestamp_out_of_range:
    case TransferStatus.imported_event_timestamp_must_not_advance:
    case TransferStatus.imported_event_timestamp_must_not_regress:
    case TransferStatus.imported_event_timestamp_must_postdate_debit_account:
    case TransferStatus.imported_event_timestamp_must_postdate_credit_account:
    case TransferStatus.imported_event_timeout_must_be_zero:
    case TransferStatus.linked_event_failed:
    case TransferStatus.created:
      return { kind: 'undecided', legIndex, status }
  }
}
