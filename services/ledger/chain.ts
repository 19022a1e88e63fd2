import { createHash } from 'node:crypto'
import { uuidV5ToUint128 } from '../runtime/ids.js'
import { type Transfer, TransferFlag } from './state-machine/transfer.js'

// A chain posted or held by name, and what becomes of a hold, as transfers of the engine.
//
// Leg n has the id B + n, where B is the UUIDv5 of the caller and its request id with the last eight bits cleared: the
// ids of a request can be listed without knowing its legs. user_data_64 is a digest of the whole chain, so that one
// transfer, or one spent id, tells whether the same request id came with the same chain.

/** One movement, resolved to the engine's ids. */
export interface ChainLeg {
  readonly debitAccountId: bigint
  readonly creditAccountId: bigint
  readonly amount: bigint
  readonly ledger: number
  readonly code: number
}

/** Whose request it is. Ids of transfers derive from both: request ids of different callers don't meet. */
export interface RequestKey {
  readonly caller: string
  /** A UUID in lower case. */
  readonly requestId: string
}

/** A chain to post, or to hold. */
export interface ChainOrder extends RequestKey {
  readonly subject: bigint
  /** The terms on which the money is set aside; undefined moves it. */
  readonly hold: { readonly timeoutSeconds: number } | undefined
  /** 1 to 253. */
  readonly legs: readonly ChainLeg[]
}

const LEG_BITS = 8n
const LEG_MASK = (1n << LEG_BITS) - 1n

/** The id of the first leg of a request. */
function firstLegId(namespace: string, { caller, requestId }: RequestKey): bigint {
  return (uuidV5ToUint128(namespace, `chains/${caller}/${requestId}`) >> LEG_BITS) << LEG_BITS
}

/** The ids that a request's legs can have, whatever its legs are. */
export function legIds(namespace: string, key: RequestKey, countMax: number): bigint[] {
  const first = firstLegId(namespace, key)
  return Array.from({ length: countMax }, (_, index) => first + BigInt(index))
}

/** Which leg an id belongs to, from 0. */
export function legIndex(id: bigint): number {
  return Number(id & LEG_MASK)
}

/** What tells this chain from any other under the same request id. */
export function chainDigest({ subject, legs, hold }: ChainOrder): bigint {
  const lines = legs.map((leg) => Object.values(normalized(leg)).join(','))
  const terms = hold === undefined ? [] : [`hold,${hold.timeoutSeconds}`]
  return digest([String(subject), ...lines, ...terms])
}

function digest(lines: readonly string[]): bigint {
  const hash = createHash('sha256').update(lines.join('\n')).digest()
  return hash.readBigUInt64BE()
}

/** In one order of fields, whatever order the caller's object has. */
function normalized({ debitAccountId, creditAccountId, amount, ledger, code }: ChainLeg): ChainLeg {
  return { debitAccountId, creditAccountId, amount, ledger, code }
}

/** The chain's transfers: all happen or none does. */
export function chainTransfers(namespace: string, order: ChainOrder): Transfer[] {
  const { subject, hold } = order
  const events = order.legs.map((leg) => ({
    ...normalized(leg),
    pendingId: 0n,
    userData128: subject,
    timeoutSeconds: hold?.timeoutSeconds ?? 0,
    flags: hold === undefined ? 0 : TransferFlag.PENDING,
  }))
  return linked(firstLegId(namespace, order), chainDigest(order), events)
}

/** What is to become of a hold: posted, leg by leg as much as `amounts` says, or voided. */
export type Resolution = { readonly kind: 'post'; readonly amounts: readonly bigint[] } | { readonly kind: 'void' }

/** A request to resolve a hold. */
export interface ResolutionOrder extends RequestKey {
  /** The transfers that hold, in order, at least one. */
  readonly held: readonly Transfer[]
  readonly resolution: Resolution
}

/** The transfers that post or void a hold, about what the hold was about. */
export function resolutionTransfers(namespace: string, order: ResolutionOrder): Transfer[] {
  const { held, resolution } = order
  const posts = resolution.kind === 'post'
  const events = held.map((transfer, index) => ({
    debitAccountId: transfer.debitAccountId,
    creditAccountId: transfer.creditAccountId,
    amount: posts ? (resolution.amounts[index] ?? 0n) : transfer.amount,
    ledger: transfer.ledger,
    code: transfer.code,
    pendingId: transfer.id,
    userData128: transfer.userData128,
    timeoutSeconds: 0,
    flags: posts ? TransferFlag.POST_PENDING_TRANSFER : TransferFlag.VOID_PENDING_TRANSFER,
  }))
  const lines = [resolution.kind, ...events.map(({ pendingId, amount }) => `${pendingId},${amount}`)]
  return linked(firstLegId(namespace, order), digest(lines), events)
}

type Event = Omit<Transfer, 'id' | 'userData64' | 'userData32' | 'timestamp'>

function linked(firstId: bigint, userData64: bigint, events: readonly Event[]): Transfer[] {
  const last = events.length - 1
  return events.map((event, index) => ({
    ...event,
    id: firstId + BigInt(index),
    userData64,
    userData32: 0,
    flags: event.flags | (index < last ? TransferFlag.LINKED : 0),
    timestamp: 0n,
  }))
}
