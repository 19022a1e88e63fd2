// The one place that knows every channel. A new channel is one file beside this one, a line here, and a route.
import { type Intent } from '../intents/intent.js'
import { type Channel, type OperationTerms } from './channel.js'
import { internalP2p } from './internal-p2p.js'
import { ippsTransfer } from './ipps-transfer.js'
import { qpTransfer } from './qp-transfer.js'
import { walletFunding } from './wallet-funding.js'

const channels: readonly Channel[] = [internalP2p, walletFunding, ippsTransfer, qpTransfer]

const byName: ReadonlyMap<string, Channel> = new Map(channels.map((channel) => [channel.name, channel]))

const termsByType: ReadonlyMap<string, OperationTerms> = new Map(
  channels.flatMap((channel) => Object.entries(channel.operations)),
)

/** The operation types that a caller may ask for through CreateIntent. */
export const requestableOperationTypes: ReadonlySet<string> = new Set(
  [...termsByType].filter(([, terms]) => terms.requestable).map(([operationType]) => operationType),
)

/** The operation types of which who is paid decides about the hold, and so sees it. */
export const operationTypesHeldForPayee: readonly string[] = [...termsByType]
  .filter(([, terms]) => terms.holdDecider === 'payee')
  .map(([operationType]) => operationType)

/** What may be done with payments of a type; undefined when no channel here settles them. */
export function termsOf(operationType: string): OperationTerms | undefined {
  return termsByType.get(operationType)
}

/** The channel that a route names, if it is here and settles such payments. */
export function findChannel(name: string, operationType: string): Channel | undefined {
  const channel = byName.get(name)
  return channel !== undefined && Object.hasOwn(channel.operations, operationType) ? channel : undefined
}

/** The channel that an intent's frozen decision names; undefined when Rules refused it or this process does not have it. */
export function channelOf({ decision: { verdict }, operationType }: Intent): Channel | undefined {
  return verdict.kind === 'routed' ? findChannel(verdict.channel, operationType) : undefined
}
