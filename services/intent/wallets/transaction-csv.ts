// A wallet's transactions as a document: RFC 4180, amounts in the asset's main unit, exact: "150.25".
import { csvRecord, decimalText, nanosecondText } from '../../runtime/statement-text.js'
import { partyName } from '../intents/party-name.js'
import { type Transaction } from './transactions.js'
import { timestampFromNs } from './wallet-accounts-client.js'

export const transactionsContentType = 'text/csv; charset=utf-8; header=present'

export const transactionsHeader = csvRecord([
  'time',
  'intent',
  'operation_type',
  'kind',
  'direction',
  'total',
  'amount',
  'fees',
  'asset_code',
  'counterparty',
  'balance_after',
  'available_after',
])

/** One line. `fees` is their sum; empty, as the amount, where they are not known. */
export function transactionLine(transaction: Transaction, assetCode: string, scale: number): string {
  const { payment } = transaction
  const price = payment?.price
  const fees = price?.fees.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
  return csvRecord([
    nanosecondText(timestampFromNs(transaction.timeNs)),
    payment === undefined ? '' : `intents/${payment.intentId}`,
    payment?.operationType ?? '',
    transaction.kind,
    transaction.direction,
    decimalText(transaction.totalMinor, scale),
    decimalText(price?.amountMinor, scale),
    decimalText(fees, scale),
    assetCode,
    payment === undefined ? '' : partyName(payment.counterparty),
    decimalText(transaction.balanceMinor, scale),
    decimalText(transaction.availableMinor, scale),
  ])
}
