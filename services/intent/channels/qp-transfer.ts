// QP_TRANSFER: tops up accounts at the provider QP.
import { providerAccount } from '../ledger/account-names.js'
import { TransferCode } from '../saga/chain.js'
import { type Channel } from './channel.js'
import { throughTransit } from './through-transit.js'

const provider = 'qp'
// A top-up is of use at once or not at all.
const holdSeconds = 3_600

export const qpTransfer: Channel = {
  name: 'QP_TRANSFER',
  operations: {
    QP_TOPUP: { requestable: true, payee: 'ACCOUNT', holdDecider: undefined, refundable: false },
  },
  provider: { name: provider, holdSeconds, isQueued: true },
  legs: (intent, amountMinor) =>
    throughTransit(intent, amountMinor, TransferCode.WITHDRAW, providerAccount(provider, intent.assetCode)),
}
