// What an intent is and how it may move.
//
// States. CREATED: received. VALIDATED: priced and routed; the decision is frozen and written, no money has moved.
// IN_REVIEW: a person has to say whether it may happen; no money has moved. AUTHORIZED: the Ledger took the chain, as a
// movement or as a hold. SETTLED: the payee has the money. REJECTED: refused, nothing moved and nothing will. FAILED: what was
// held could not be given to the payee, or an operator ended it; the payer has it back. CANCELLED, EXPIRED: what was
// held was released, on request or because its time was over.
//
// Legal moves. CREATED to VALIDATED (Rules allows) or REJECTED (Rules refuses). VALIDATED to IN_REVIEW (Rules wants a
// person), AUTHORIZED (the chain was applied) or REJECTED (the chain was refused for good). IN_REVIEW to VALIDATED
// (approved) or REJECTED. AUTHORIZED to SETTLED, FAILED, CANCELLED or EXPIRED, as the Ledger posted or released the
// hold. SETTLED, REJECTED, FAILED, CANCELLED and EXPIRED are final. That a payment was refunded is no state of its own:
// it follows from its refunds, which are intents.
//
// Where an intent rests. The insert takes it from CREATED to VALIDATED or REJECTED, or over VALIDATED to IN_REVIEW.
// What pays at once goes from VALIDATED over AUTHORIZED to SETTLED in one update; what is held rests in AUTHORIZED until
// somebody confirms or cancels, or its time is over. Who wants the hold posted or released writes so first (captureMinor,
// release) and asks the Ledger then. Both may be wanted at once; the Ledger does one, and the state says which.
import { strict as assert } from 'node:assert'
import { type Decision } from '../decisions/decision.js'
import { type ExternalParty } from './external-party.js'
import { type LimitAccount, type LimitExcess } from '../limits/limit.js'

export type IntentState =
  'CREATED' | 'VALIDATED' | 'IN_REVIEW' | 'AUTHORIZED' | 'SETTLED' | 'REJECTED' | 'FAILED' | 'CANCELLED' | 'EXPIRED'

const legalMoves: Readonly<Record<IntentState, readonly IntentState[]>> = {
  CREATED: ['VALIDATED', 'REJECTED'],
  VALIDATED: ['AUTHORIZED', 'IN_REVIEW', 'REJECTED'],
  IN_REVIEW: ['VALIDATED', 'REJECTED'],
  AUTHORIZED: ['SETTLED', 'FAILED', 'CANCELLED', 'EXPIRED'],
  SETTLED: [],
  REJECTED: [],
  FAILED: [],
  CANCELLED: [],
  EXPIRED: [],
}

/** From which state to which one update of a stored intent may take it: the legal moves, and the one double move. */
export const legalUpdates: readonly (readonly [from: IntentState, to: IntentState])[] = [
  ...(['VALIDATED', 'IN_REVIEW', 'AUTHORIZED'] as const).flatMap((from) =>
    legalMoves[from].map((to) => [from, to] as const),
  ),
  ['VALIDATED', 'SETTLED'],
]

/** One side that has its money in the Ledger. */
export type LedgerParty =
  { readonly kind: 'wallet'; readonly walletId: string } | { readonly kind: 'account'; readonly account: string }

/** One side of a payment. Only a payee is outside. */
export type Party = LedgerParty | { readonly kind: 'external'; readonly external: ExternalParty }

/** Why a payment was rejected or failed: a stable reason and a sentence for people. */
export interface Failure {
  readonly reason: string
  readonly message: string
  /** With LIMIT_EXCEEDED only. */
  readonly limit?: LimitExcess
}

/** A state and when it was reached, in milliseconds since 1970. */
export interface StateChange {
  readonly state: IntentState
  readonly timeMs: number
}

export type Status =
  | { readonly state: Exclude<IntentState, 'REJECTED' | 'FAILED'> }
  | { readonly state: 'REJECTED' | 'FAILED'; readonly failure: Failure }

/** What the caller asked for, parsed; fixed for ever. */
export interface Order {
  readonly operationType: string
  readonly payer: LedgerParty
  readonly payee: Party
  readonly assetCode: string
  /** More than zero, at most 2^63 - 1. */
  readonly amountMinor: bigint
  readonly metadata: Readonly<Record<string, string>>
  /** For how long the money is held until somebody confirms, or the provider answers; undefined when it moves at once. */
  readonly holdSeconds: number | undefined
}

/** Who asked, under which key, and the hash by which the same request is recognised. */
export interface RequestKey {
  readonly creator: string
  readonly requestId: string
  readonly requestHash: Buffer
}

/** How far a payment is that a provider carries out. */
export interface Submission {
  readonly provider: string
  /** When this service made up its mind to ask the provider; from then on the provider may have the payment. */
  readonly askedMs: number | undefined
  /** The provider's own name for the payment; undefined until it gave one. */
  readonly reference: string | undefined
}

/** Why a hold is to be released. */
export type Release =
  { readonly kind: 'CANCEL' } | { readonly kind: 'EXPIRE' } | { readonly kind: 'FAIL'; readonly failure: Failure }

export interface Intent extends Order, RequestKey {
  /** A UUIDv7 whose last 16 bits are zero: they number the attempt, step and leg of its transfers (chain.ts). */
  readonly id: string
  readonly decision: Decision
  /** Which run of the chain this is, 0 to 15; a new attempt has new transfer ids. */
  readonly attempt: number
  /** What the attempt debits for each limit of the decision, in their order; empty when the payment is refused at once. */
  readonly limitAccounts: readonly LimitAccount[]
  readonly status: Status
  /** Oldest first, CREATED the first of all. */
  readonly changes: readonly StateChange[]
  /** Counts the writes that moved the intent, from 1: the fence of updates, the order of what they tell. */
  readonly version: number
  /** When the hold ends, by the database's clock; undefined when nothing is to be held. */
  readonly holdExpireMs: number | undefined
  /** What of a hold is to settle; never changes once it is there. */
  readonly captureMinor: bigint | undefined
  /**
   * Why a hold is to be released; never changes once it is there. An operator's may be there while the intent is VALIDATED:
   * then nothing is to be moved either.
   */
  readonly release: Release | undefined
  /** Undefined when the Ledger alone carries the payment out. */
  readonly submission: Submission | undefined
  /** Of a refund, the id of the intent that it gives back. */
  readonly parentId: string | undefined
  /** What refunds asked for, those that were refused left out. */
  readonly refundAskedMinor: bigint
  /** What refunds that settled gave back. */
  readonly refundedMinor: bigint
}

/** What a new intent is made of. */
export interface Draft {
  readonly id: string
  readonly order: Order
  readonly key: RequestKey
  readonly decision: Decision
  readonly limitAccounts: readonly LimitAccount[]
  readonly parentId: string | undefined
  /** Who carries it out; undefined when the Ledger alone does. */
  readonly provider: string | undefined
  /** Why it may not happen, by Rules or by this service; undefined when it may. */
  readonly refusal: Failure | undefined
  /** Whether a person has to approve it first. */
  readonly needsReview: boolean
}

/** The intent of an order and its decision: VALIDATED, IN_REVIEW, or REJECTED when it may not happen. */
export function newIntent(draft: Draft, nowMs: number): Intent {
  const { holdSeconds } = draft.order
  const created: Intent = {
    id: draft.id,
    ...draft.order,
    ...draft.key,
    decision: draft.decision,
    attempt: 0,
    limitAccounts: draft.limitAccounts,
    status: { state: 'CREATED' },
    changes: [{ state: 'CREATED', timeMs: nowMs }],
    version: 1,
    // The insert replaces it by its own clock's.
    holdExpireMs: holdSeconds === undefined ? undefined : nowMs + holdSeconds * 1000,
    captureMinor: undefined,
    release: undefined,
    submission:
      draft.provider === undefined ? undefined : { provider: draft.provider, askedMs: undefined, reference: undefined },
    parentId: draft.parentId,
    refundAskedMinor: 0n,
    refundedMinor: 0n,
  }
  if (draft.refusal !== undefined) return moved(created, { state: 'REJECTED', failure: draft.refusal }, nowMs)
  const validated = moved(created, { state: 'VALIDATED' }, nowMs)
  return draft.needsReview ? moved(validated, { state: 'IN_REVIEW' }, nowMs) : validated
}

/** The intent after its chain was held. */
export function authorized(intent: Intent, nowMs: number): Intent {
  return written(intent, moved(intent, { state: 'AUTHORIZED' }, nowMs))
}

/** The intent after its chain was applied, AUTHORIZED and SETTLED in one write, or after its hold was posted. */
export function settled(intent: Intent, nowMs: number): Intent {
  const from = intent.status.state === 'VALIDATED' ? moved(intent, { state: 'AUTHORIZED' }, nowMs) : intent
  return written(intent, moved(from, { state: 'SETTLED' }, nowMs))
}

/** The intent after its chain, or a person, refused it for good. */
export function rejected(intent: Intent, failure: Failure, nowMs: number): Intent {
  return written(intent, moved(intent, { state: 'REJECTED', failure }, nowMs))
}

/** The intent after a person approved it. */
export function approved(intent: Intent, nowMs: number): Intent {
  return written(intent, moved(intent, { state: 'VALIDATED' }, nowMs))
}

/** The intent after its hold was released, or ended by itself in the Ledger. */
export function released(intent: Intent, release: Release, nowMs: number): Intent {
  return written(intent, moved(intent, statusAfter(release), nowMs))
}

function statusAfter(release: Release): Status {
  switch (release.kind) {
    case 'CANCEL':
      return { state: 'CANCELLED' }
    case 'EXPIRE':
      return { state: 'EXPIRED' }
    case 'FAIL':
      return { state: 'FAILED', failure: release.failure }
  }
}

export function isFinal(intent: Intent): boolean {
  return legalMoves[intent.status.state].length === 0
}

/** Whether the intent rests where it is until somebody decides or its time is over. One that a provider has does not. */
export function isResting(intent: Intent): boolean {
  const { status, captureMinor, release, submission } = intent
  if (status.state === 'AUTHORIZED') {
    return captureMinor === undefined && release === undefined && submission === undefined
  }
  return status.state === 'IN_REVIEW' || isFinal(intent)
}

/** What settled, before fees; undefined until the intent is SETTLED. */
export function settledMinor(intent: Intent): bigint | undefined {
  return intent.status.state === 'SETTLED' ? (intent.captureMinor ?? intent.amountMinor) : undefined
}

/** Why the intent was rejected or failed; undefined when it was not. */
export function failureOf({ status }: Intent): Failure | undefined {
  return status.state === 'REJECTED' || status.state === 'FAILED' ? status.failure : undefined
}

/** When the intent first reached a state, in milliseconds since 1970; undefined when it never did. */
export function reachedMs(intent: Intent, state: IntentState): number | undefined {
  return intent.changes.find((change) => change.state === state)?.timeMs
}

/** When the intent became VALIDATED again, after its review; undefined when it did not. */
export function approvedMs(intent: Intent): number | undefined {
  return intent.changes.filter((change) => change.state === 'VALIDATED')[1]?.timeMs
}

function moved(intent: Intent, status: Status, nowMs: number): Intent {
  assert(legalMoves[intent.status.state].includes(status.state), `${intent.status.state} to ${status.state}`)
  return { ...intent, status, changes: [...intent.changes, { state: status.state, timeMs: nowMs }] }
}

function written(before: Intent, after: Intent): Intent {
  return { ...after, version: before.version + 1 }
}
