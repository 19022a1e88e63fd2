// INTERNAL_P2P: from one wallet to another within Paymesh, at once or held first.
//
// A merchant takes what a customer let be held, so who is paid decides about the hold of a MERCHANT_CHARGE; among people
// who pays decides.
import { TransferCode } from '../saga/chain.js'
import { type Channel } from './channel.js'
import { toPayee } from './through-transit.js'

const payerCodes: Readonly<Record<string, TransferCode>> = {
  MERCHANT_CHARGE: TransferCode.CHARGE,
  REFUND: TransferCode.REFUND,
}

export const internalP2p: Channel = {
  name: 'INTERNAL_P2P',
  operations: {
    P2P_TRANSFER: { requestable: true, payee: 'WALLET', holdDecider: 'payer', refundable: true },
    MERCHANT_CHARGE: { requestable: true, payee: 'WALLET', holdDecider: 'payee', refundable: true },
    // From one wallet of a user's to another, by a rule: auto-top-up.ts.
    AUTO_TOPUP: { requestable: false, payee: 'WALLET', holdDecider: undefined, refundable: false },
    REFUND: { requestable: false, payee: 'WALLET', holdDecider: undefined, refundable: false },
  },
  provider: undefined,
  legs: (intent, amountMinor) => toPayee(intent, amountMinor, payerCodes[intent.operationType] ?? TransferCode.PAY),
}
