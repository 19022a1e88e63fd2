import { createHash } from 'node:crypto'
import { OerReader, varOctets } from './oer.js'
import { addressLengthMax } from './address.js'

// Interledger Dynamic Configuration Protocol (RFC 31): a child asks its parent for its address and asset. The request is a
// Prepare of amount 0 to `peer.config`; the answer is a Fulfill with these data.

/** The fulfillment of every peer-protocol packet is known to all: nothing of value hangs on it. */
export const peerProtocolFulfillment = Buffer.alloc(32)
export const peerProtocolCondition = createHash('sha256').update(peerProtocolFulfillment).digest()

export const ildcpDestination = 'peer.config'

export interface IldcpReply {
  /** The child's ILP address. */
  readonly address: string
  /** 0 to 255. */
  readonly assetScale: number
  readonly assetCode: string
}

export function encodeIldcpReply({ address, assetScale, assetCode }: IldcpReply): Buffer {
  return Buffer.concat([
    varOctets(Buffer.from(address, 'latin1')),
    Buffer.of(assetScale),
    varOctets(Buffer.from(assetCode)),
  ])
}

/** Throws PacketInvalidError. */
export function decodeIldcpReply(data: Buffer): IldcpReply {
  const reader = new OerReader(data)
  return {
    address: reader.varOctets(addressLengthMax, 'address').toString('latin1'),
    assetScale: reader.uint8('asset scale'),
    assetCode: reader.varOctets(data.length, 'asset code').toString(),
  }
}
