// Canonical Octet Encoding Rules (ITU-T X.696), the part that Interledger uses (RFC 30): fixed bytes, unsigned integers and
// octet strings with a length determinant.

/** The bytes are not a packet of this protocol, or the packet cannot be written as bytes. The sender must mend it. */
export class PacketInvalidError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PacketInvalidError'
  }
}

/** Reads from the front. Every read throws PacketInvalidError when bytes are missing or not canonical. Octets are views. */
export class OerReader {
  private readonly bytes: Buffer
  private offset = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  octets(length: number, field: string): Buffer {
    const end = this.offset + length
    if (end > this.bytes.length) throw new PacketInvalidError(`${field} ends before its ${length} bytes`)
    const octets = this.bytes.subarray(this.offset, end)
    this.offset = end
    return octets
  }

  uint8(field: string): number {
    return this.octets(1, field).readUInt8()
  }

  uint64(field: string): bigint {
    return this.octets(8, field).readBigUInt64BE()
  }

  varOctets(lengthMax: number, field: string): Buffer {
    const length = this.length(field)
    if (length > lengthMax) throw new PacketInvalidError(`${field} has ${length} bytes, over the most of ${lengthMax}`)
    return this.octets(length, field)
  }

  /** Below 128 one byte; otherwise 0x80 | n and n bytes, with no leading zero. Four bytes say more than any packet holds. */
  private length(field: string): number {
    const first = this.uint8(field)
    if (first < 0x80) return first
    const lengthOfLength = first & 0x7f
    if (lengthOfLength === 0 || lengthOfLength > 4) throw new PacketInvalidError(`${field} has a length of odd form`)
    const length = this.octets(lengthOfLength, field).readUIntBE(0, lengthOfLength)
    if (length < 0x80 || length < 2 ** (8 * (lengthOfLength - 1))) {
      throw new PacketInvalidError(`${field} has a length that is not canonical`)
    }
    return length
  }
}

/** An octet string with its length determinant in front, in canonical form. */
export function varOctets(octets: Buffer): Buffer {
  return Buffer.concat([lengthDeterminant(octets.length), octets])
}

export function uint64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

function lengthDeterminant(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const lengthOfLength = length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 3
  const bytes = Buffer.alloc(1 + lengthOfLength)
  bytes.writeUInt8(0x80 | lengthOfLength)
  bytes.writeUIntBE(length, 1, lengthOfLength)
  return bytes
}
