// Every way in which a call of Intent may fail: reason, code and text in one place.
import { status } from '@grpc/grpc-js'
import { type ErrorReason } from '../../gen/paymesh/intent/v1/error_reason.js'
import { OverloadedError } from '../runtime/coalesce.js'
import { RpcError } from '../runtime/rpc-error.js'
import { isDatabaseAway, sqlState } from '../runtime/postgres.js'
import { isUnavailable } from './ledger/ledger-client.js'

export const errorDomain = 'intent.paymesh'

export type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED' | 'UNRECOGNIZED'>

const codes: Readonly<Record<Reason, status>> = {
  INVALID_FIELD: status.INVALID_ARGUMENT,
  INTENT_NOT_FOUND: status.NOT_FOUND,
  WALLET_NOT_FOUND: status.NOT_FOUND,
  NOT_OWNER: status.PERMISSION_DENIED,
  REQUEST_ID_REUSED: status.ALREADY_EXISTS,
  ASSET_MISMATCH: status.FAILED_PRECONDITION,
  ASSET_NOT_FOUND: status.FAILED_PRECONDITION,
  REFUSED_BY_RULES: status.FAILED_PRECONDITION,
  OVERLOADED: status.RESOURCE_EXHAUSTED,
  DEPENDENCY_UNAVAILABLE: status.UNAVAILABLE,
  INTENT_NOT_HELD: status.FAILED_PRECONDITION,
  HOLD_EXPIRED: status.FAILED_PRECONDITION,
  AMOUNT_NOT_CAPTURABLE: status.FAILED_PRECONDITION,
  INTENT_NOT_REFUNDABLE: status.FAILED_PRECONDITION,
  REFUND_EXCEEDS_SETTLED: status.FAILED_PRECONDITION,
  INTENT_NOT_IN_REVIEW: status.FAILED_PRECONDITION,
  SELF_REVIEW: status.PERMISSION_DENIED,
  STEP_UP_REQUIRED: status.PERMISSION_DENIED,
  INTENT_FINAL: status.FAILED_PRECONDITION,
  WALLET_CLOSED: status.FAILED_PRECONDITION,
  WALLET_FROZEN: status.FAILED_PRECONDITION,
  WALLET_NOT_EMPTY: status.FAILED_PRECONDITION,
  WALLET_CHANGED: status.ABORTED,
  TOO_MANY_WALLETS: status.FAILED_PRECONDITION,
  WEBHOOK_ENDPOINT_NOT_FOUND: status.NOT_FOUND,
  WEBHOOK_DELIVERY_NOT_FOUND: status.NOT_FOUND,
  WEBHOOK_ENDPOINT_CHANGED: status.ABORTED,
  TOO_MANY_WEBHOOK_ENDPOINTS: status.FAILED_PRECONDITION,
  PROVIDER_NOT_FOUND: status.NOT_FOUND,
  CALLBACK_NOT_SIGNED: status.UNAUTHENTICATED,
  DISCREPANCY_NOT_FOUND: status.NOT_FOUND,
  DISCREPANCY_RESOLVED: status.FAILED_PRECONDITION,
}

// Overload passes in about the time that the work under way takes.
const retryAfterMs = 250

export function failure(
  reason: Reason,
  message: string,
  metadata: Record<string, string> = {},
  cause?: unknown,
): RpcError {
  const retry = reason === 'OVERLOADED' ? { retryAfterMs } : {}
  return new RpcError({ code: codes[reason], reason, domain: errorDomain, message, metadata, cause, ...retry })
}

export function intentNotFound(intent: string): RpcError {
  return failure('INTENT_NOT_FOUND', `There is no ${intent}.`, { intent })
}

export function walletNotFound(wallet: string): RpcError {
  return failure('WALLET_NOT_FOUND', `There is no ${wallet}.`, { wallet })
}

export function notOwner(resource: string): RpcError {
  return failure('NOT_OWNER', `${resource} belongs to somebody else.`)
}

export function requestIdReused(requestId: string): RpcError {
  return failure('REQUEST_ID_REUSED', 'The request id was used before for another request.', { request_id: requestId })
}

export function assetMismatch(wallet: string, assetCode: string): RpcError {
  return failure('ASSET_MISMATCH', `${wallet} does not hold ${assetCode}.`, { wallet, asset_code: assetCode })
}

export function assetNotFound(assetCode: string): RpcError {
  return failure('ASSET_NOT_FOUND', `The asset ${assetCode} is not defined.`, { asset_code: assetCode })
}

export function refusedByRules(refusal: { reason: string; message: string }): RpcError {
  return failure('REFUSED_BY_RULES', refusal.message, { refusal: refusal.reason })
}

export function intentNotHeld(intent: string, state: string): RpcError {
  const message = `${intent} is ${state}, or another request decides about its hold: nothing can be done with it.`
  return failure('INTENT_NOT_HELD', message, { intent, state })
}

export function holdExpired(intent: string): RpcError {
  return failure('HOLD_EXPIRED', `The time to confirm ${intent} is over.`, { intent })
}

export function amountNotCapturable(minMinor: bigint, maxMinor: bigint): RpcError {
  const message = `The amount to confirm must be ${minMinor} to ${maxMinor} minor units.`
  const metadata = { minor_units_min: minMinor.toString(), minor_units_max: maxMinor.toString() }
  return failure('AMOUNT_NOT_CAPTURABLE', message, metadata)
}

export function intentNotRefundable(intent: string, state: string): RpcError {
  const message = `${intent} is ${state} or of a kind that is not given back.`
  return failure('INTENT_NOT_REFUNDABLE', message, { intent, state })
}

export function refundExceedsSettled(intent: string, leftMinor: bigint): RpcError {
  const metadata = { intent, minor_units_max: leftMinor.toString() }
  return failure('REFUND_EXCEEDS_SETTLED', `Of ${intent}, ${leftMinor} minor units are left to refund.`, metadata)
}

export function intentNotInReview(intent: string, state: string): RpcError {
  return failure('INTENT_NOT_IN_REVIEW', `${intent} is ${state} and waits for no review.`, { intent, state })
}

export function selfReview(): RpcError {
  return failure('SELF_REVIEW', 'Who asked for a payment, pays it or is paid by it may not review it.')
}

/** `level` is the `acr` of the token that is needed, or stronger. */
export function stepUpRequired(level: string): RpcError {
  return failure('STEP_UP_REQUIRED', `Prove who you are by ${level}, then send the same request again.`, { level })
}

export function intentFinal(intent: string, state: string): RpcError {
  return failure('INTENT_FINAL', `${intent} is ${state}: nothing changes it any more.`, { intent, state })
}

/** INVALID_FIELD: the amount and its fees together do not fit int64. `field` is the amount's. */
export function amountTooLarge(field: string): RpcError {
  const description = 'must leave room for the fees: together at most 2^63 - 1'
  const fieldViolations = [{ field: `${field}.minor_units`, description }]
  const message = `${field}.minor_units ${description}.`
  return new RpcError({
    code: codes.INVALID_FIELD,
    reason: 'INVALID_FIELD',
    domain: errorDomain,
    message,
    fieldViolations,
  })
}

export function overloaded(cause?: unknown): RpcError {
  return failure('OVERLOADED', 'Too much is under way; nothing was done.', {}, cause)
}

/** `cause`, an error or a sentence, goes to the log and never outside. */
export function dependencyUnavailable(dependency: 'ledger' | 'rules' | 'database', cause: unknown): RpcError {
  // The log keeps no text of what is not an error.
  const logged = typeof cause === 'string' ? new Error(cause) : cause
  const message = `The ${dependency} cannot be reached now; the same request may be sent again.`
  return failure('DEPENDENCY_UNAVAILABLE', message, { dependency }, logged)
}

// A deadlock or a statement that took too long: the database refused this one time.
const passingStates: ReadonlySet<string | undefined> = new Set(['40P01', '57014'])

/**
 * What a handler failed with, as the caller may see it: a queue that is full, a database or a Ledger that cannot be
 * reached. Anything else is passed on, and the runtime answers INTERNAL for what is not an RpcError of ours.
 */
export function outward(error: unknown): unknown {
  if (error instanceof OverloadedError) return overloaded(error)
  if (isDatabaseAway(error) || passingStates.has(sqlState(error))) return dependencyUnavailable('database', error)
  // Decide's failures are values, so a call that failed was one of the Ledger.
  if (error instanceof RpcError && error.remote && isUnavailable(error)) return dependencyUnavailable('ledger', error)
  return error
}
