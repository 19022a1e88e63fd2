import { createHash } from 'node:crypto'
import { uuidV5ToUint128 } from '../runtime/ids.js'
import { type Transfer, TransferFlag } from './state-machine/transfer.js'

// A chain posted by name, as transfers of the engine.
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

/** A chain to post. */
export interface ChainOrder {
  /** Who asks: request ids of different callers don't meet. */
  readonly caller: string
  /** A UUID in lower case. */
  readonly requestId: string
  readonly subject: bigint
  /** 1 to 253. */
  readonly legs: readonly ChainLeg[]
}

const LEG_BITS = 8n
const LEG_MASK = (1n << LEG_BITS) - 1n

/** The id of the first leg of a request. */
function firstLegId(namespace: string, { caller, requestId }: ChainOrder): bigint {
  return (uuidV5ToUint128(namespace, `chains/${caller}/${requestId}`) >> LEG_BITS) << LEG_BITS
}

/** The ids that a request's legs can have, whatever its legs are. */
export function legIds(namespace: string, order: ChainOrder, countMax: number): bigint[] {
  const first = firstLegId(namespace, order)
  return Array.from({ length: countMax }, (_, index) => first + BigInt(index))
}

/** Which leg an id belongs to, from 0. */
export function legIndex(id: bigint): number {
  return Number(id & LEG_MASK)
}

/** What tells this chain from any other under the same request id. */
export function chainDigest({ subject, legs }: ChainOrder): bigint {
  const lines = legs.map((leg) => Object.values(normalized(leg)).join(','))
  const hash = createHash('sha256')
    .update(`${subject}\n${lines.join('\n')}`)
    .digest()
  return hash.readBigUInt64BE()
}

/** In one order of fields, whatever order the caller's object has. */
function normalized({ debitAccountId, creditAccountId, amount, ledger, code }: ChainLeg): ChainLeg {
  return { debitAccountId, creditAccountId, amount, ledger, code }
}

/** The chain's transfers: all happen or none does. */
export function chainTransfers(namespace: string, order: ChainOrder): Transfer[] {
  const first = firstLegId(namespace, order)
  const digest = chainDigest(order)
  const last = order.legs.length - 1
  return order.legs.map((leg, index) => ({
    ...normalized(leg),
    id: first + BigInt(index),
    pendingId: 0n,
    userData128: order.subject,
    userData64: digest,
    userData32: 0,
    timeoutSeconds: 0,
    flags: index < last ? TransferFlag.LINKED : 0,
    timestamp: 0n,
  }))
}
