// The one place that knows every channel. A new channel is one file beside this one, a name here, and a route.
import { type Channel } from './channel.js'
import { internalP2p } from './internal-p2p.js'
import { ippsTransfer } from './ipps-transfer.js'
import { qpTransfer } from './qp-transfer.js'
import { walletFunding } from './wallet-funding.js'

export const builtInChannels: readonly Channel[] = [internalP2p, walletFunding, ippsTransfer, qpTransfer]
