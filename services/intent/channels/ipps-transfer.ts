// IPPS_TRANSFER: to accounts at banks, and to merchants by their QR code, through the provider IPPS.
import { providerAccount } from '../ledger/account-names.js'
import { TransferCode } from '../saga/chain.js'
import { type Intent } from '../intents/intent.js'
import { type Channel } from './channel.js'
import { throughTransit } from './through-transit.js'

const provider = 'ipps'
// Interbank transfers are answered in seconds. A day is how long a bank that is being mended keeps one.
const holdSeconds = 86_400

const payerCode = ({ operationType }: Intent): TransferCode =>
  operationType === 'THAI_QR_PAY' ? TransferCode.CHARGE : TransferCode.WITHDRAW

export const ippsTransfer: Channel = {
  name: 'IPPS_TRANSFER',
  operations: {
    THAI_QR_PAY: { requestable: true, payee: 'MERCHANT', holdDecider: undefined, refundable: false },
    IPPS_WITHDRAWAL: { requestable: true, payee: 'BANK_ACCOUNT', holdDecider: undefined, refundable: false },
  },
  provider: { name: provider, holdSeconds, isQueued: false },
  legs: (intent, amountMinor) =>
    throughTransit(intent, amountMinor, payerCode(intent), providerAccount(provider, intent.assetCode)),
}
