// All that Intent asks of Rules. The only file that knows its service.
import { DecideRequest, DecisionServiceService } from '../../gen/paymesh/rules/v1/decision_service.js'
import { type Call } from '../runtime/call.js'
import { createClient } from '../runtime/client.js'
import { type TlsFiles } from '../runtime/mesh-credentials.js'
import { type Metrics } from '../runtime/metrics.js'
import { RpcError } from '../runtime/rpc-error.js'
import { accountName } from './account-names.js'
import { type Decision } from './decision.js'
import { decisionFromMessage, MalformedDecisionError } from './decision-message.js'
import { type Order, type Party } from './intent.js'

/** What a decision depends on beside the order. */
export interface PaymentFacts {
  readonly order: Order
  /** `users/{user}`; empty for the house. */
  readonly payerOwner: string
  readonly payeeOwner: string
  /** What is known of the payer, such as "kyc_verified". */
  readonly payerTags: readonly string[]
  readonly timeMs: number
}

export type DecideOutcome =
  | { readonly kind: 'decided'; readonly decision: Decision }
  /** Rules cannot be reached or cannot decide; nothing was done and the same may be asked again. */
  | { readonly kind: 'unavailable'; readonly cause: string }

export interface Rules {
  decide(call: Call, facts: PaymentFacts): Promise<DecideOutcome>
  close(): void
}

export interface RulesOptions {
  readonly address: string
  readonly tls: TlsFiles
  readonly metrics: Metrics
}

export function connectRules(options: RulesOptions): Rules {
  const client = createClient(DecisionServiceService, {
    ...options,
    peer: 'rules',
    serviceConfig: 'proto/paymesh/rules/v1/rules_service_config.json',
  })
  return {
    decide: async (call, facts) => {
      try {
        const { decision } = await client.decide(decideRequest(facts), { parent: call })
        if (decision === undefined) throw new MalformedDecisionError('an answer has a decision')
        return { kind: 'decided', decision: decisionFromMessage(decision, facts.order.assetCode) }
      } catch (error) {
        return unavailable(error)
      }
    },
    close: () => {
      client.close()
    },
  }
}

// INVALID_FIELD is ours: this service must not send what Rules does not take. Everything else passes, at the latest
// when somebody mends the rule set.
function unavailable(error: unknown): DecideOutcome {
  const passes =
    error instanceof MalformedDecisionError || (error instanceof RpcError && error.reason !== 'INVALID_FIELD')
  if (!passes) throw error
  return { kind: 'unavailable', cause: error.message }
}

function decideRequest({ order, payerOwner, payeeOwner, payerTags, timeMs }: PaymentFacts): DecideRequest {
  return DecideRequest.fromPartial({
    facts: {
      operationType: order.operationType,
      amount: { assetCode: order.assetCode, minorUnits: order.amountMinor },
      payer: { party: partyName(order.payer), owner: payerOwner, tags: [...payerTags] },
      payee: { party: partyName(order.payee), owner: payeeOwner, tags: [] },
      metadata: order.metadata,
      time: { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 },
    },
  })
}

function partyName(party: Party): string {
  return party.kind === 'wallet' ? `wallets/${party.walletId}` : accountName(party)
}
