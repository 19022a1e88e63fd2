// QR codes for tests, written independently of the parser.
import { crcOf } from '../qr/emv-data-objects.js'

/** Objects as they stand in a code: an id and its value, or the objects of a template. */
export type QrObjects = readonly (readonly [id: string, value: string | QrObjects])[]

/** Text of objects with their lengths. */
export function encodeObjects(objects: QrObjects): string {
  return objects
    .map(([id, value]) => {
      const text = typeof value === 'string' ? value : encodeObjects(value)
      return id + String(Array.from(text).length).padStart(2, '0') + text
    })
    .join('')
}

/** A payload of these objects, with its checksum. */
export function qrPayload(objects: QrObjects): string {
  const signed = `${encodeObjects(objects)}6304`
  return signed + crcOf(signed)
}

/** A dynamic PromptPay code of a mobile number such as 0812345678, with an amount such as "150.25". */
export function promptPayQr(mobile: string, amount?: string): string {
  return qrPayload([
    ['00', '01'],
    ['01', amount === undefined ? '11' : '12'],
    [
      '29',
      [
        ['00', 'A000000677010111'],
        ['01', `0066${mobile.slice(1)}`],
      ],
    ],
    ['53', '764'],
    ...(amount === undefined ? [] : ([['54', amount]] as const)),
    ['58', 'TH'],
  ])
}

/** A dynamic code of a bill of a shop. */
export function billPaymentQr(billerId: string, reference1: string, reference2: string, amount: string): string {
  return qrPayload([
    ['00', '01'],
    ['01', '12'],
    [
      '30',
      [
        ['00', 'A000000677010112'],
        ['01', billerId],
        ['02', reference1],
        ['03', reference2],
      ],
    ],
    ['52', '5812'],
    ['53', '764'],
    ['54', amount],
    ['58', 'TH'],
    ['59', 'Baan Noodle'],
    ['60', 'Bangkok'],
    [
      '62',
      [
        ['01', 'INV-7'],
        ['05', 'R-1'],
        ['07', 'TILL3'],
      ],
    ],
    [
      '64',
      [
        ['00', 'TH'],
        ['01', 'บ้านก๋วยเตี๋ยว'],
      ],
    ],
  ])
}
