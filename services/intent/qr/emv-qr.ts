// What a merchant-presented QR code asks for: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode
// (EMVCo, version 1.1), with PromptPay's accounts as the Thai QR Payment Standard of the Bank of Thailand has them.
import { type DataObjects, QrError, type QrFault, readObjects, readPayload } from './emv-data-objects.js'
import { type Currency, currencyOfNumber } from './iso-4217.js'

/** Whom a QR code asks to be paid. */
export type QrAccount =
  /** PromptPay credit transfer to a proxy: 0066… and nine digits, 13 digits of a national or tax id, 15 of an e-wallet. */
  | { readonly kind: 'promptPay'; readonly proxy: 'MOBILE' | 'TAX_ID' | 'E_WALLET'; readonly id: string }
  /** PromptPay bill payment: 15 digits of the biller and up to 20 letters and digits for each reference. */
  | {
      readonly kind: 'billPayment'
      readonly billerId: string
      readonly reference1: string
      readonly reference2: string | undefined
    }
  /** Of a scheme that is not read further; `schemeId` is its AID, reversed domain or UUID where it is a template. */
  | { readonly kind: 'other'; readonly objectId: string; readonly schemeId: string | undefined }

/** What comes on top of the amount (objects 55 to 57). A payment of the amount alone would be short. */
export type QrTip =
  | { readonly kind: 'payerChooses' }
  | { readonly kind: 'fixed'; readonly amountMinor: bigint }
  | { readonly kind: 'percentage'; readonly basisPoints: number }

/** A QR code that was understood. */
export interface Qr {
  readonly kind: 'qr'
  /** STATIC is for many payments, DYNAMIC for one. Where the code doesn't say, it may be shown again: STATIC. */
  readonly use: 'STATIC' | 'DYNAMIC'
  /** All of them, at least one, in the order of the code: a payer's app takes one that it can serve. */
  readonly accounts: readonly QrAccount[]
  readonly currency: Currency
  /** In minor units, above zero; undefined where the payer is to enter it. */
  readonly amountMinor: bigint | undefined
  readonly tip: QrTip | undefined
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  /** ISO 18245, four digits. Codes of people (PromptPay) leave this and the next two out. */
  readonly merchantCategory: string | undefined
  readonly merchantName: string | undefined
  readonly merchantCity: string | undefined
  /** From the additional data (object 62). */
  readonly billNumber: string | undefined
  readonly referenceLabel: string | undefined
  readonly terminalLabel: string | undefined
}

/** A text that is no such QR code. `detail` says where and what, without account numbers. */
export interface QrMalformation {
  readonly kind: 'malformed'
  readonly fault: QrFault
  readonly detail: string
}

/**
 * Reads the text of a QR code, at most 512 bytes. Strict: what the specification lets nobody write is refused, since
 * of two readings of one code one pays the wrong party.
 */
export function parseQr(payload: string): Qr | QrMalformation {
  try {
    return qrOf(readPayload(payload))
  } catch (error) {
    if (!(error instanceof QrError)) throw error
    return { kind: 'malformed', fault: error.fault, detail: error.message }
  }
}

function qrOf(objects: DataObjects): Qr {
  const currency = currencyOf(required(objects, '53', /^\d{3}$/))
  const additional = templateOf(objects, '62')
  const amount = valueOf(objects, '54', /^.{1,13}$/)
  return {
    kind: 'qr',
    use: valueOf(objects, '01', /^1[12]$/) === '12' ? 'DYNAMIC' : 'STATIC',
    accounts: accountsOf(objects),
    currency,
    amountMinor: amount === undefined ? undefined : minorUnits('54', amount, currency),
    tip: tipOf(objects, currency),
    country: required(objects, '58', /^[A-Z]{2}$/),
    merchantCategory: valueOf(objects, '52', /^\d{4}$/),
    merchantName: valueOf(objects, '59', /^.{1,25}$/),
    merchantCity: valueOf(objects, '60', /^.{1,15}$/),
    billNumber: valueOf(additional, '01', /^.{1,25}$/),
    referenceLabel: valueOf(additional, '05', /^.{1,25}$/),
    terminalLabel: valueOf(additional, '07', /^.{1,25}$/),
  }
}

function currencyOf(numericCode: string): Currency {
  const currency = currencyOfNumber(numericCode)
  if (currency === undefined) throw new QrError('CURRENCY_UNKNOWN', `The currency ${numericCode} is not known.`)
  return currency
}

/** Section 4.7.7: digits with at most one full stop, never zero, and no more decimal places than the currency has. */
function minorUnits(id: string, text: string, { code, scale }: Currency): bigint {
  const [, whole, decimals = ''] = /^(\d+)(?:\.(\d*))?$/.exec(text) ?? []
  if (whole === undefined || decimals.length > scale) {
    throw new QrError('VALUE_WRONG', `Object ${id} is no amount in ${code} with at most ${scale} decimal places.`)
  }
  const amount = BigInt(whole + decimals.padEnd(scale, '0'))
  if (amount === 0n) throw new QrError('VALUE_WRONG', `Object ${id}, an amount, is zero.`)
  return amount
}

function tipOf(objects: DataObjects, currency: Currency): QrTip | undefined {
  const indicator = valueOf(objects, '55', /^0[123]$/)
  const fixed = valueOf(objects, '56', /^.{1,13}$/)
  const percentage = valueOf(objects, '57', /^.{1,5}$/)
  if ((fixed !== undefined) !== (indicator === '02') || (percentage !== undefined) !== (indicator === '03')) {
    throw new QrError('VALUE_WRONG', 'Objects 56 and 57 are not what object 55, the tip indicator, announces.')
  }
  if (fixed !== undefined) return { kind: 'fixed', amountMinor: minorUnits('56', fixed, currency) }
  if (percentage !== undefined) return { kind: 'percentage', basisPoints: basisPoints(percentage) }
  return indicator === undefined ? undefined : { kind: 'payerChooses' }
}

/** From 00.01 to 99.99 per cent. */
function basisPoints(text: string): number {
  const [, whole = '', decimals = ''] = /^(\d{1,2})(?:\.(\d{0,2}))?$/.exec(text) ?? []
  const points = Number(whole + decimals.padEnd(2, '0'))
  if (whole === '' || points === 0) throw new QrError('VALUE_WRONG', 'Object 57 is no percentage from 0.01 to 99.99.')
  return points
}

const PROMPT_PAY_AID = 'A000000677010111'
const BILL_PAYMENT_AID = 'A000000677010112'

/** Objects 02 to 51: the first half plain values of card schemes, the second templates. */
function accountsOf(objects: DataObjects): QrAccount[] {
  const accounts = [...objects].flatMap(([id, value]) => {
    const number = Number(id)
    if (number < 2 || number > 51) return []
    if (number < 26) return [{ kind: 'other' as const, objectId: id, schemeId: undefined }]
    return [accountOf(id, readObjects(value, `object ${id}`))]
  })
  if (accounts.length === 0) throw new QrError('OBJECT_MISSING', 'Nobody is to be paid: objects 02 to 51 are missing.')
  return accounts
}

// By the application's id rather than by the object's: 29 and 30 are only where Thai codes are used to having them.
function accountOf(objectId: string, template: DataObjects): QrAccount {
  const schemeId = required(template, '00', /^.{1,32}$/, objectId)
  switch (schemeId) {
    case PROMPT_PAY_AID:
      return promptPayAccount(objectId, template)
    case BILL_PAYMENT_AID:
      return {
        kind: 'billPayment',
        billerId: required(template, '01', /^\d{15}$/, objectId),
        reference1: required(template, '02', /^[A-Za-z0-9]{1,20}$/, objectId),
        reference2: valueOf(template, '03', /^[A-Za-z0-9]{1,20}$/, objectId),
      }
    default:
      return { kind: 'other', objectId, schemeId }
  }
}

const PROXIES = [
  { id: '01', proxy: 'MOBILE', form: /^0066\d{9}$/ },
  { id: '02', proxy: 'TAX_ID', form: /^\d{13}$/ },
  { id: '03', proxy: 'E_WALLET', form: /^\d{15}$/ },
] as const

function promptPayAccount(objectId: string, template: DataObjects): QrAccount {
  const given = PROXIES.flatMap(({ id, proxy, form }) => {
    const value = valueOf(template, id, form, objectId)
    return value === undefined ? [] : [{ kind: 'promptPay' as const, proxy, id: value }]
  })
  const [account, second] = given
  if (second !== undefined) throw new QrError('VALUE_WRONG', `Object ${objectId} names two parties to be paid.`)
  // A bank account (04), which PromptPay's codes may name instead, is read as a scheme that is not served.
  return account ?? { kind: 'other', objectId, schemeId: PROMPT_PAY_AID }
}

function templateOf(objects: DataObjects, id: string): DataObjects {
  const value = objects.get(id)
  return value === undefined ? new Map() : readObjects(value, `object ${id}`)
}

function valueOf(objects: DataObjects, id: string, form: RegExp, within?: string): string | undefined {
  const value = objects.get(id)
  if (value === undefined || form.test(value)) return value
  throw new QrError('VALUE_WRONG', `Object ${path(id, within)} has not the form that it must have.`)
}

function required(objects: DataObjects, id: string, form: RegExp, within?: string): string {
  const value = valueOf(objects, id, form, within)
  if (value === undefined) throw new QrError('OBJECT_MISSING', `Object ${path(id, within)} is missing.`)
  return value
}

function path(id: string, within: string | undefined): string {
  return within === undefined ? id : `${within}/${id}`
}
