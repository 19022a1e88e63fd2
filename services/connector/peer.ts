import { createHash } from 'node:crypto'

/** Another Interledger node. */
export interface Peer {
  /** Last part of the resource name and segment of the ILP address; see `peerIdPattern`. */
  readonly peerId: string
  readonly assetCode: string
  /** Decimal digits between the asset's unit and what packets count, 0 to 255. */
  readonly assetScale: number
  readonly createTime: Date
}

export const peerIdPattern = /^[A-Za-z0-9][A-Za-z0-9_~-]{0,63}$/
export const assetCodePattern = /^[A-Z0-9]{1,16}$/
/** 32 characters: whoever makes tokens of random characters cannot be guessed. The most is what a header may hold. */
export const tokenPattern = /^[\x21-\x7e]{32,512}$/

/** A token is random, so a plain hash hides it; a slow one would cost every packet. */
export function tokenSha256(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** The address that a peer gets as a child of this node (RFC 31). */
export function peerAddress(nodeAddress: string, peerId: string): string {
  return `${nodeAddress}.${peerId}`
}
