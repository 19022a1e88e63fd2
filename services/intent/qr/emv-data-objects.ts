// The syntax of a merchant-presented QR code: data objects of a two-digit id, a two-digit length and a value, under a
// checksum. EMV QR Code Specification for Payment Systems, Merchant-Presented Mode (EMVCo, version 1.1), section 3.

/** What is wrong with a payload; each names whose mistake it is likely to be. */
export const qrFaults = [
  /** Not a QR code of this kind at all: its first object is not the payload format 01. */
  'FORMAT_UNKNOWN',
  /** Longer than the specification lets it be. */
  'TOO_LONG',
  /** Cut, or with something behind its end: lengths and values don't meet. */
  'SYNTAX_WRONG',
  /** Characters were changed on the way, or whoever made it computed the checksum wrongly. */
  'CHECKSUM_WRONG',
  /** An id twice in one template: which of the two counts, nobody can tell. */
  'OBJECT_REPEATED',
  /** An object that must be there is not. */
  'OBJECT_MISSING',
  /** An object's value is not what its id asks for. */
  'VALUE_WRONG',
  /** A currency whose scale is not known here. */
  'CURRENCY_UNKNOWN',
] as const
export type QrFault = (typeof qrFaults)[number]

/** Thrown inside the parser and turned into a value by parseQr, which alone catches it. */
export class QrError extends Error {
  override readonly name = 'QrError'
  readonly fault: QrFault

  /** `message` says where and what, without the value: an account number has no place in an error. */
  constructor(fault: QrFault, message: string) {
    super(message)
    this.fault = fault
  }
}

/** Values by id, in the order they came in. */
export type DataObjects = ReadonlyMap<string, string>

/** Section 3.1: what a payload may have at most. In bytes, so that text of other scripts doesn't pass the bound. */
const PAYLOAD_BYTES_MAX = 512
const CRC_ID = '63'
const CRC_LENGTH = 4
/** The merchant's name in another script, and what is left to others: the only objects that may leave ASCII. */
const OTHER_SCRIPTS = /^(64|[89]\d)$/

/**
 * The objects of a whole payload: the payload format first, the checksum last and right, no id twice. Throws QrError.
 */
export function readPayload(payload: string): DataObjects {
  if (Buffer.byteLength(payload) > PAYLOAD_BYTES_MAX) {
    throw new QrError('TOO_LONG', `The payload has more than ${PAYLOAD_BYTES_MAX} bytes.`)
  }
  // Before all else, so that what is not a payment's QR code (an address of a web page, say) is called by its name.
  if (!payload.startsWith('000201')) {
    throw new QrError('FORMAT_UNKNOWN', 'The payload does not begin with the payload format indicator 01.')
  }
  const objects = readObjects(payload, 'the payload')
  checkCrc(payload, objects)
  for (const [id, value] of objects) {
    if (!/^[\x20-\x7e]*$/.test(value) && !OTHER_SCRIPTS.test(id)) {
      throw new QrError('VALUE_WRONG', `Object ${id} has characters outside printable ASCII.`)
    }
  }
  return objects
}

/** The objects of a template or of a payload; `where` stands in errors. Throws QrError. */
export function readObjects(text: string, where: string): DataObjects {
  // A length counts characters, of which one outside the basic plane is two in a JavaScript string.
  const characters = Array.from(text)
  const objects = new Map<string, string>()
  for (let at = 0; at < characters.length;) {
    const header = characters.slice(at, at + 4).join('')
    if (!/^\d{4}$/.test(header)) {
      throw new QrError('SYNTAX_WRONG', `At character ${at} of ${where} is no object's id and length.`)
    }
    const [id, length] = [header.slice(0, 2), Number(header.slice(2))]
    const end = at + 4 + length
    if (length === 0) throw new QrError('SYNTAX_WRONG', `Object ${id} of ${where} is empty.`)
    if (end > characters.length) throw new QrError('SYNTAX_WRONG', `Object ${id} of ${where} is cut.`)
    if (objects.has(id)) throw new QrError('OBJECT_REPEATED', `Object ${id} is twice in ${where}.`)
    objects.set(id, characters.slice(at + 4, end).join(''))
    at = end
  }
  return objects
}

/** Section 4.7.3: the last object, four upper-case hexadecimal digits, over everything before its value. */
function checkCrc(payload: string, objects: DataObjects): void {
  const crc = objects.get(CRC_ID)
  if (crc === undefined) throw new QrError('OBJECT_MISSING', 'The checksum, object 63, is missing.')
  if (!payload.endsWith(`${CRC_ID}0${CRC_LENGTH}${crc}`) || [...objects.keys()].at(-1) !== CRC_ID) {
    throw new QrError('SYNTAX_WRONG', 'The checksum, object 63, is not the last object, or not of four characters.')
  }
  const wanted = crcOf(payload.slice(0, -CRC_LENGTH))
  if (crc !== wanted) throw new QrError('CHECKSUM_WRONG', 'The checksum does not fit the payload.')
}

/** CRC-16/CCITT-FALSE over the UTF-8 bytes of a text, as object 63 has it. */
export function crcOf(text: string): string {
  let crc = 0xffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff
  }
  return crc.toString(16).toUpperCase().padStart(CRC_LENGTH, '0')
}
