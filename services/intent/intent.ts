// What an intent is and how it may move.
//
// States. CREATED: received. VALIDATED: priced and routed; the decision is frozen and written, no money has moved.
// AUTHORIZED: the Ledger took the chain. SETTLED: the payee has the money. REJECTED: refused, nothing moved and nothing
// will.
//
// Legal moves. CREATED to VALIDATED (Rules allows) or REJECTED (Rules refuses). VALIDATED to AUTHORIZED (the chain was
// applied) or REJECTED (the chain was refused for good). AUTHORIZED to SETTLED. SETTLED and REJECTED are final.
//
// Where an intent rests. Each write makes two moves at once, so a stored intent is VALIDATED, SETTLED or REJECTED:
// the insert takes it from CREATED to VALIDATED or REJECTED, the one update from VALIDATED over AUTHORIZED to SETTLED,
// or to REJECTED. A channel that waits for another institution will let intents rest in AUTHORIZED too.
import { strict as assert } from 'node:assert'
import { type Decision } from './decision.js'

export type IntentState = 'CREATED' | 'VALIDATED' | 'AUTHORIZED' | 'SETTLED' | 'REJECTED'

const legalMoves: Readonly<Record<IntentState, readonly IntentState[]>> = {
  CREATED: ['VALIDATED', 'REJECTED'],
  VALIDATED: ['AUTHORIZED', 'REJECTED'],
  AUTHORIZED: ['SETTLED'],
  SETTLED: [],
  REJECTED: [],
}

export type Party =
  { readonly kind: 'wallet'; readonly walletId: string } | { readonly kind: 'account'; readonly account: string }

/** Why a payment was rejected: a stable reason and a sentence for people. */
export interface Failure {
  readonly reason: string
  readonly message: string
}

/** A state and when it was reached, in milliseconds since 1970. */
export interface StateChange {
  readonly state: IntentState
  readonly timeMs: number
}

export type Status =
  | { readonly state: 'CREATED' | 'VALIDATED' | 'AUTHORIZED' | 'SETTLED' }
  | { readonly state: 'REJECTED'; readonly failure: Failure }

/** What the caller asked for, parsed; fixed for ever. */
export interface Order {
  readonly operationType: string
  readonly payer: Party
  readonly payee: Party
  readonly assetCode: string
  /** More than zero, at most 2^63 - 1. */
  readonly amountMinor: bigint
  readonly metadata: Readonly<Record<string, string>>
}

/** Who asked, under which key, and the hash by which the same request is recognised. */
export interface RequestKey {
  readonly creator: string
  readonly requestId: string
  readonly requestHash: Buffer
}

export interface Intent extends Order, RequestKey {
  /** A UUIDv7 whose last 16 bits are zero: they number the attempt, step and leg of its transfers (chain.ts). */
  readonly id: string
  readonly decision: Decision
  /** Which run of the chain this is, 0 to 15; a new attempt has new transfer ids. */
  readonly attempt: number
  readonly status: Status
  /** Oldest first, CREATED the first of all. */
  readonly changes: readonly StateChange[]
  /** Counts the writes of the intent, from 1: the etag, the fence of updates, the order of its events. */
  readonly version: number
}

/** What a new intent is made of. */
export interface Draft {
  readonly id: string
  readonly order: Order
  readonly key: RequestKey
  readonly decision: Decision
  /** Why it may not happen, by Rules or by this service; undefined when it may. */
  readonly refusal: Failure | undefined
}

/** The intent of an order and its decision: VALIDATED, or REJECTED when it may not happen. */
export function newIntent(draft: Draft, nowMs: number): Intent {
  const created: Intent = {
    id: draft.id,
    ...draft.order,
    ...draft.key,
    decision: draft.decision,
    attempt: 0,
    status: { state: 'CREATED' },
    changes: [{ state: 'CREATED', timeMs: nowMs }],
    version: 1,
  }
  return draft.refusal === undefined
    ? moved(created, { state: 'VALIDATED' }, nowMs)
    : moved(created, { state: 'REJECTED', failure: draft.refusal }, nowMs)
}

/** The intent after its chain was applied: AUTHORIZED and SETTLED in one write. */
export function settled(intent: Intent, nowMs: number): Intent {
  const authorized = moved(intent, { state: 'AUTHORIZED' }, nowMs)
  return { ...moved(authorized, { state: 'SETTLED' }, nowMs), version: intent.version + 1 }
}

/** The intent after its chain was refused for good. */
export function rejected(intent: Intent, failure: Failure, nowMs: number): Intent {
  return { ...moved(intent, { state: 'REJECTED', failure }, nowMs), version: intent.version + 1 }
}

export function isFinal(intent: Intent): boolean {
  return legalMoves[intent.status.state].length === 0
}

/** When the intent reached a state, in milliseconds since 1970; undefined when it never did. */
export function reachedMs(intent: Intent, state: IntentState): number | undefined {
  return intent.changes.find((change) => change.state === state)?.timeMs
}

function moved(intent: Intent, status: Status, nowMs: number): Intent {
  assert(legalMoves[intent.status.state].includes(status.state), `${intent.status.state} to ${status.state}`)
  return { ...intent, status, changes: [...intent.changes, { state: status.state, timeMs: nowMs }] }
}
