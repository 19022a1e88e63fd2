// Rules for the fields of wallets.
import { type FieldCheck } from '../../runtime/field-check.js'
import { checkText, walletIdOf } from './fields.js'

const displayNameLengthMax = 63
const reasonLengthMax = 255
// As the Ledger's labels of accounts.
const labelsMax = 16
const labelKeyLengthMax = 63
const labelValueLengthMax = 255

export function checkDisplayName(check: FieldCheck, displayName: string, field: string): void {
  checkText(check, displayName, displayNameLengthMax, field)
}

export function checkLabels(check: FieldCheck, labels: Readonly<Record<string, string>>, field: string): void {
  const pairs = Object.entries(labels)
  check.that(pairs.length <= labelsMax, field, `must have at most ${labelsMax} pairs`)
  const fits = ([key, value]: [string, string]) =>
    key !== '' && Array.from(key).length <= labelKeyLengthMax && Array.from(value).length <= labelValueLengthMax
  const limits = `1 to ${labelKeyLengthMax} and values at most ${labelValueLengthMax}`
  check.that(pairs.every(fits), field, `must have keys of ${limits} characters`)
  // PostgreSQL's text can't hold it.
  check.that(!pairs.flat().some((text) => text.includes('\u0000')), field, 'must not have the character U+0000')
}

/** The id in `wallets/{uuid}`; notes a violation for anything else, and answers an empty text then. */
export function checkWalletName(check: FieldCheck, name: string, field: string): string {
  const id = walletIdOf(name)
  check.that(id !== undefined, field, 'must be wallets/{uuid}')
  return id ?? ''
}

export function checkReason(check: FieldCheck, reason: string): void {
  if (check.that(reason.trim() !== '', 'reason', 'is required')) checkText(check, reason, reasonLengthMax, 'reason')
}
