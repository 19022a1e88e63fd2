// Rules for payees outside of Paymesh.
import {
  type BankAccount,
  type ExternalParty as ExternalPartyMessage,
  type Party as PartyMessage,
} from '../../../gen/paymesh/intent/v1/intent.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { parseQr, type QrAccount } from '../qr/emv-qr.js'
import { type ExternalParty } from '../intents/external-party.js'
import { type Amount } from '../intents/request-hash.js'

// A Thai bank's three digits, or a BIC (ISO 9362) of 8 or 11.
const bankCodePattern = /^(?:\d{3}|[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)$/
// Up to the length of the longest IBAN (ISO 13616).
const accountNumberPattern = /^[A-Z0-9]{4,34}$/
// A phone number with its country, or a number that the provider gave.
const providerAccountPattern = /^\+?\d{6,20}$/

const payeeField = 'intent.payee.external'

/** A payee outside, of the wanted kind; undefined, and noted in `check`, when it is another or something is wrong in it. */
export function checkExternal(
  check: FieldCheck,
  message: PartyMessage | undefined,
  kind: ExternalParty['kind'],
): ExternalParty | undefined {
  const party = message?.party
  if (!check.that(party !== undefined, 'intent.payee', 'is required') || party === undefined) return undefined
  if (party.$case === 'external') return parseExternal(check, party.external, kind)
  check.that(false, `intent.payee.${party.$case}`, 'must be absent: who is paid is outside')
  return undefined
}

function parseExternal(
  check: FieldCheck,
  { party }: ExternalPartyMessage,
  kind: ExternalParty['kind'],
): ExternalParty | undefined {
  if (party?.$case === 'bankAccount' && kind === 'BANK_ACCOUNT') return bankAccount(check, party.bankAccount)
  if (party?.$case === 'accountNumber' && kind === 'ACCOUNT') return account(check, party.accountNumber)
  if (party?.$case === 'qrPayload' && kind === 'MERCHANT') return merchant(check, party.qrPayload)
  const wanted = { BANK_ACCOUNT: 'a bank_account', MERCHANT: 'a qr_payload', ACCOUNT: 'an account_number' }[kind]
  check.that(false, payeeField, `must be ${wanted} for payments of this type`)
  return undefined
}

function bankAccount(check: FieldCheck, { bankCode, accountNumber }: BankAccount): ExternalParty {
  const field = `${payeeField}.bank_account`
  check.that(bankCodePattern.test(bankCode), `${field}.bank_code`, 'must be three digits or a BIC')
  check.that(accountNumberPattern.test(accountNumber), `${field}.account_number`, 'must be 4 to 34 of A-Z 0-9')
  return { kind: 'BANK_ACCOUNT', bankCode, accountNumber }
}

function account(check: FieldCheck, accountNumber: string): ExternalParty {
  const isAccount = providerAccountPattern.test(accountNumber)
  check.that(isAccount, `${payeeField}.account_number`, 'must be 6 to 20 digits, + may stand before them')
  return { kind: 'ACCOUNT', accountNumber }
}

const qrField = `${payeeField}.qr_payload`

function merchant(check: FieldCheck, qrPayload: string): ExternalParty | undefined {
  const qr = parseQr(qrPayload)
  if (qr.kind === 'malformed') {
    check.that(false, qrField, `must be a QR code for payments: ${qr.detail.replace(/\.$/, '')}`)
    return undefined
  }
  const account = qr.accounts.find(({ kind }) => kind !== 'other')
  check.that(account !== undefined, qrField, 'must ask for PromptPay')
  // A payment of the amount alone would be short.
  check.that(qr.tip === undefined, qrField, 'must ask for no tip')
  return account && { kind: 'MERCHANT', qrPayload, ...merchantOf(account) }
}

function merchantOf(account: QrAccount): { merchantId: string; billReference: string } {
  switch (account.kind) {
    case 'promptPay':
      return { merchantId: account.id, billReference: '' }
    case 'billPayment':
      return { merchantId: account.billerId, billReference: account.reference1 }
    case 'other':
      throw new Error('an account of another scheme is never chosen')
  }
}

/** What a QR code asks for must be what is paid. */
export function checkQrAmount(check: FieldCheck, payee: ExternalParty, { assetCode, amountMinor }: Amount): void {
  const qr = payee.kind === 'MERCHANT' ? parseQr(payee.qrPayload) : undefined
  if (qr?.kind !== 'qr') return
  const isSame = qr.amountMinor === undefined || qr.amountMinor === amountMinor
  check.that(isSame, 'intent.amount.minor_units', "must be the QR code's amount")
  check.that(qr.currency.code === assetCode, 'intent.amount.asset_code', `must be the QR code's, ${qr.currency.code}`)
}
