// IPPS_TRANSFER: to accounts at banks, and to merchants by their QR code, through the provider IPPS.
import { providerAccount } from '../account-names.js'
import { TransferCode } from '../chain.js'
import { type Channel } from './channel.js'
import { throughTransit } from './through-transit.js'

const provider = 'ipps'
// Interbank transfers are answered in seconds. A day is how long a bank that is being mended keeps one.
const holdSeconds = 86_400

export const ippsTransfer: Channel = {
  name: 'IPPS_TRANSFER',
  operations: {
    IPPS_WITHDRAWAL: { requestable: true, payee: 'BANK_ACCOUNT', holdDecider: undefined, refundable: false },
  },
  provider: { name: provider, holdSeconds },
  legs: (intent, amountMinor) =>
    throughTransit(intent, amountMinor, TransferCode.WITHDRAW, providerAccount(provider, intent.assetCode)),
}
