// WALLET_FUNDING: money that arrived from outside enters a wallet, against the asset's settlement account.
//
// The settlement account goes below zero: what is missing there is what the outside holds for us.
import { TransferCode } from '../saga/chain.js'
import { type Channel } from './channel.js'
import { toPayee } from './through-transit.js'

export const walletFunding: Channel = {
  name: 'WALLET_FUNDING',
  operations: { WALLET_FUNDING: { requestable: false, payee: 'WALLET', holdDecider: undefined, refundable: false } },
  provider: undefined,
  legs: (intent, amountMinor) => toPayee(intent, amountMinor, TransferCode.FUND),
}
