// INTERNAL_P2P: from one wallet to another within Paymesh, at once.
import { TransferCode } from '../chain.js'
import { type Channel } from './channel.js'
import { throughTransit } from './through-transit.js'

export const internalP2p: Channel = {
  name: 'INTERNAL_P2P',
  operationTypes: ['P2P_TRANSFER'],
  requestable: true,
  legs: (intent) => throughTransit(intent, TransferCode.PAY),
}
