import { addressLengthMax, isAddress } from './address.js'
import { OerReader, PacketInvalidError, uint64, varOctets } from './oer.js'
import { formatTimestamp, parseTimestamp, timestampLength } from './timestamp.js'

// The three packets of ILPv4 (RFC 27). The codec is strict both ways: what it decodes it would encode again, apart from
// bytes after the last field, which RFC 30 tells receivers to ignore so that packets can grow.

export interface Prepare {
  readonly type: 'prepare'
  /** In minor units of the link's asset, 0 to 2^64 - 1. */
  readonly amount: bigint
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
  /** SHA-256 of the fulfillment: 32 bytes. */
  readonly condition: Buffer
  readonly destination: string
  /** At most 32,767 bytes. */
  readonly data: Buffer
}

export interface Fulfill {
  readonly type: 'fulfill'
  /** 32 bytes. */
  readonly fulfillment: Buffer
  readonly data: Buffer
}

export interface Reject {
  readonly type: 'reject'
  /** `F` final, `T` temporary or `R` relative, and two digits. */
  readonly code: string
  /** The address of the node that rejects; may be empty. */
  readonly triggeredBy: string
  /** For people: at most 8,191 characters. */
  readonly message: string
  readonly data: Buffer
}

export type Packet = Prepare | Fulfill | Reject
export type Reply = Fulfill | Reject

const typeIds = { prepare: 12, fulfill: 13, reject: 14 } as const
const dataLengthMax = 32_767
const messageCharactersMax = 8191
/** A message of 8,191 characters of four bytes each. */
const messageLengthMax = 4 * messageCharactersMax
const hashLength = 32
const codePattern = /^[FTR][0-9]{2}$/
const uint64Max = 2n ** 64n - 1n
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes a packet; its octets are views of `bytes`. Throws PacketInvalidError and nothing else. */
export function decodePacket(bytes: Buffer): Packet {
  const envelope = new OerReader(bytes)
  const typeId = envelope.uint8('type')
  const body = new OerReader(envelope.varOctets(bytes.length, 'packet'))
  switch (typeId) {
    case typeIds.prepare:
      return decodePrepare(body)
    case typeIds.fulfill:
      return { type: 'fulfill', fulfillment: body.octets(hashLength, 'fulfillment'), data: readData(body) }
    case typeIds.reject:
      return decodeReject(body)
    default:
      throw new PacketInvalidError(`type ${typeId} is none of Prepare, Fulfill and Reject`)
  }
}

/** Throws PacketInvalidError when a field is over its bounds. */
export function encodePacket(packet: Packet): Buffer {
  const body = Buffer.concat(encodeFields(packet))
  return Buffer.concat([Buffer.of(typeIds[packet.type]), varOctets(body)])
}

function decodePrepare(body: OerReader): Prepare {
  return {
    type: 'prepare',
    amount: body.uint64('amount'),
    expiresAtMs: parseTimestamp(body.octets(timestampLength, 'expiresAt').toString('latin1')),
    condition: body.octets(hashLength, 'condition'),
    destination: checkAddress(body.varOctets(addressLengthMax, 'destination').toString('latin1'), 'destination'),
    data: readData(body),
  }
}

function decodeReject(body: OerReader): Reject {
  const code = checkCode(body.octets(3, 'code').toString('latin1'))
  const triggeredBy = body.varOctets(addressLengthMax, 'triggeredBy').toString('latin1')
  if (triggeredBy !== '') checkAddress(triggeredBy, 'triggeredBy')
  const message = checkMessage(decodeUtf8(body.varOctets(messageLengthMax, 'message')))
  return { type: 'reject', code, triggeredBy, message, data: readData(body) }
}

function encodeFields(packet: Packet): Buffer[] {
  switch (packet.type) {
    case 'prepare':
      return [
        uint64(checkAmount(packet.amount)),
        Buffer.from(formatTimestamp(packet.expiresAtMs), 'latin1'),
        checkHash(packet.condition, 'condition'),
        varOctets(Buffer.from(checkAddress(packet.destination, 'destination'), 'latin1')),
        varOctets(checkData(packet.data)),
      ]
    case 'fulfill':
      return [checkHash(packet.fulfillment, 'fulfillment'), varOctets(checkData(packet.data))]
    case 'reject':
      return [
        Buffer.from(checkCode(packet.code), 'latin1'),
        varOctets(Buffer.from(packet.triggeredBy && checkAddress(packet.triggeredBy, 'triggeredBy'), 'latin1')),
        varOctets(Buffer.from(checkMessage(packet.message))),
        varOctets(checkData(packet.data)),
      ]
  }
}

function readData(body: OerReader): Buffer {
  return body.varOctets(dataLengthMax, 'data')
}

function decodeUtf8(octets: Buffer): string {
  try {
    return utf8.decode(octets)
  } catch {
    throw new PacketInvalidError('message is not UTF-8')
  }
}

function checkAmount(amount: bigint): bigint {
  if (amount < 0n || amount > uint64Max) throw new PacketInvalidError('amount does not fit 64 bits')
  return amount
}

function checkHash(octets: Buffer, field: string): Buffer {
  if (octets.length !== hashLength) throw new PacketInvalidError(`${field} has not ${hashLength} bytes`)
  return octets
}

function checkAddress(text: string, field: string): string {
  if (!isAddress(text)) throw new PacketInvalidError(`${field} is not an ILP address`)
  return text
}

function checkCode(code: string): string {
  if (!codePattern.test(code)) throw new PacketInvalidError('code is not F, T or R and two digits')
  return code
}

function checkData(data: Buffer): Buffer {
  if (data.length > dataLengthMax) throw new PacketInvalidError(`data has over ${dataLengthMax} bytes`)
  return data
}

/** Characters are Unicode code points, as ASN.1 counts a UTF8String. A lone surrogate has no UTF-8 form. */
function checkMessage(message: string): string {
  if (/\p{Surrogate}/u.test(message)) throw new PacketInvalidError('message has a lone surrogate')
  const isShort = message.length <= messageCharactersMax || Array.from(message).length <= messageCharactersMax
  if (!isShort) throw new PacketInvalidError(`message has over ${messageCharactersMax} characters`)
  return message
}
