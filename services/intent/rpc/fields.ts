// Rules for fields that several requests have.
import { type Money } from '../../../gen/paymesh/money/v1/money.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { amountMaxMinor } from '../decisions/decision.js'

const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/
const assetCodePattern = /^[A-Z0-9]{1,16}$/
// Lower case only, as this service prints them: one resource has one name.
const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const walletPattern = new RegExp(`^wallets/(${uuid})$`)
const intentPattern = new RegExp(`^intents/(${uuid})$`)

export function checkRequestId(check: FieldCheck, requestId: string): void {
  check.that(requestIdPattern.test(requestId), 'request_id', 'must be 1 to 64 of A-Z a-z 0-9 . _ -')
}

export function checkAssetCode(check: FieldCheck, assetCode: string, field: string): void {
  check.that(assetCodePattern.test(assetCode), field, 'must be 1 to 16 of A-Z 0-9')
}

/** An amount to pay: more than zero. */
export function checkAmount(
  check: FieldCheck,
  amount: Money | undefined,
  field: string,
): { assetCode: string; amountMinor: bigint } {
  const assetCode = amount?.assetCode ?? ''
  const amountMinor = amount?.minorUnits ?? 0n
  if (check.that(amount !== undefined, field, 'is required')) {
    checkAssetCode(check, assetCode, `${field}.asset_code`)
    check.that(amountMinor > 0n && amountMinor <= amountMaxMinor, `${field}.minor_units`, 'must be more than 0')
  }
  return { assetCode, amountMinor }
}

/** An amount of an intent, in its asset: more than zero. The field is `amount`. */
export function checkAmountOf(
  check: FieldCheck,
  amount: Money,
  assetCode: string,
): { assetCode: string; amountMinor: bigint } {
  const checked = checkAmount(check, amount, 'amount')
  check.that(checked.assetCode === assetCode, 'amount.asset_code', `must be the intent's, ${assetCode}`)
  return checked
}

/** The id in `wallets/{uuid}`; undefined for anything else. */
export function walletIdOf(name: string): string | undefined {
  return walletPattern.exec(name)?.[1]
}

/** The id in `intents/{uuid}`; undefined for anything else. */
export function intentIdOf(name: string): string | undefined {
  return intentPattern.exec(name)?.[1]
}

const pairsMax = 32
const bytesMax = 4096

/** At most 32 pairs, 4096 bytes of UTF-8 together, no empty keys, and nothing that PostgreSQL cannot store. */
export function checkMetadata(check: FieldCheck, metadata: Readonly<Record<string, string>>, field: string): void {
  const pairs = Object.entries(metadata)
  const bytes = pairs.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  check.that(pairs.length <= pairsMax, field, `must have at most ${pairsMax} pairs`)
  check.that(bytes <= bytesMax, field, `must have at most ${bytesMax} bytes together`)
  const texts = pairs.flat()
  check.that(!pairs.some(([key]) => key === ''), field, 'must not have an empty key')
  check.that(texts.every(isStorable), field, 'must not have the character U+0000')
}

/** A text of at most so many characters (code points), with nothing that PostgreSQL cannot store. */
export function checkText(check: FieldCheck, text: string, lengthMax: number, field: string): void {
  const fits = Array.from(text).length <= lengthMax && isStorable(text)
  check.that(fits, field, `must be at most ${lengthMax} characters, none of them U+0000`)
}

const reasonLengthMax = 140

/** Why somebody decided so, for the payer to read: 1 to 140 characters. The field is `reason`. */
export function checkReason(check: FieldCheck, reason: string): void {
  check.that(reason !== '', 'reason', 'is required')
  checkText(check, reason, reasonLengthMax, 'reason')
}

function isStorable(text: string): boolean {
  return !text.includes('\u0000')
}
