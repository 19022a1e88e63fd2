// All that Intent asks of Rules. The only file that knows its service.
import { type AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import {
  DecideRequest,
  type DecideResult,
  DecisionServiceService,
  FactSource,
} from '../../../gen/paymesh/rules/v1/decision_service.js'
import { type Call } from '../../runtime/call.js'
import { createClient } from '../../runtime/client.js'
import { Coalescer, OverloadedError } from '../../runtime/coalesce.js'
import { type TlsFiles } from '../../runtime/mesh-credentials.js'
import { type Metrics } from '../../runtime/metrics.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { partyName } from '../intents/party-name.js'
import { type Decision } from './decision.js'
import { decisionFromMessage, MalformedDecisionError } from './decision-message.js'
import { type Order } from '../intents/intent.js'

/** What a decision depends on beside the order. */
export interface PaymentFacts {
  readonly order: Order
  /** `users/{user}`; empty for the house. */
  readonly payerOwner: string
  readonly payeeOwner: string
  /** What is known of the payer, such as "kyc_verified". */
  readonly payerTags: readonly string[]
  /** What the session of whoever asks has proven; undefined where nobody is there who could prove more. */
  readonly level: AuthLevel | undefined
  readonly timeMs: number
}

export type DecideOutcome =
  | { readonly kind: 'decided'; readonly decision: Decision }
  /** Rules cannot be reached or cannot decide; nothing was done and the same may be asked again. */
  | { readonly kind: 'unavailable'; readonly cause: string }

export interface Rules {
  decide(call: Pick<Call, 'signal'>, facts: PaymentFacts): Promise<DecideOutcome>
}

/** What can still be added to the facts. */
export type Offer = 'SIGNALS' | 'SCORE'

/** One question to Rules. */
export interface Question {
  readonly facts: PaymentFacts
  /** What was measured. */
  readonly signals: Readonly<Record<string, bigint>>
  readonly offered: readonly Offer[]
  /** The version to decide by; 0 means the newest. */
  readonly ruleSetVersion: bigint
}

export type RulesAnswer =
  | DecideOutcome
  /** Nothing was decided: the version makes use of what was offered. */
  | { readonly kind: 'wanted'; readonly ruleSetVersion: bigint; readonly wish: Wish }

/** What is to be added to the facts: signals, some of which may be measured here, or an outside provider's score. */
export type Wish =
  | { readonly kind: 'signals'; readonly names: readonly string[] }
  | { readonly kind: 'score'; readonly provider: string; readonly deadlineMs: number }

/** A Rules service. */
export interface RulesNode {
  /** Rejects when Rules does not take the facts. */
  ask(call: Pick<Call, 'signal'>, question: Question): Promise<RulesAnswer>
  close(): void
}

export interface RulesOptions {
  readonly address: string
  readonly tls: TlsFiles
  readonly metrics: Metrics
  /** How many payments may wait for a decision, beside those that are asked about. */
  readonly queueMax: number
}

// As many as Rules takes in one call. While a call is under way the next one fills; a second at the same time is for what
// must not wait for a slow one.
const batchLimits = { itemsMax: 128, inFlightMax: 2 }

/** Each caller waits for itself: one that goes away is nothing to those whose questions went out with its own. */
export function connectRules(options: RulesOptions): RulesNode {
  const decisions = connectDecisions(options)
  return {
    ask: async (call, question) => {
      try {
        const { result } = await unlessAborted(call.signal, decisions.ask(decideRequest(question)))
        return answerFrom(result, question.facts.order.assetCode)
      } catch (error) {
        return unavailable(error)
      }
    },
    close: () => {
      decisions.close()
    },
  }
}

export interface Decisions {
  /** Rejects with RpcError, or with OverloadedError when too many wait. */
  ask(request: DecideRequest): Promise<DecideResult>
  close(): void
}

/**
 * Asks together for what is to be decided in the same turn, and while an answer is under way: a call costs both sides
 * several times what a decision does. Facts that Rules does not take are nothing to the other requests of a call.
 */
export function connectDecisions({ queueMax, ...options }: RulesOptions): Decisions {
  const client = createClient(DecisionServiceService, {
    ...options,
    peer: 'rules',
    serviceConfig: 'proto/paymesh/rules/v1/rules_service_config.json',
  })
  const batches = new Coalescer<DecideRequest, DecideResult>({
    flush: async (requests) => {
      const { results } = await client.decideBatch({ requests })
      if (results.length === requests.length) return results
      throw new MalformedDecisionError(`${requests.length} requests have ${results.length} results`)
    },
    queueMax,
    ...batchLimits,
  })
  return {
    ask: async (request) => {
      for (;;) {
        const result = await batches.add(request)
        // The answers before it filled the message; of those that ask again, the first of a call is always answered.
        if (result.result?.$case !== 'deferred') return result
      }
    },
    close: () => {
      client.close()
    },
  }
}

function answerFrom(result: DecideResult['result'], assetCode: string): RulesAnswer {
  switch (result?.$case) {
    case 'decision':
      return { kind: 'decided', decision: decisionFromMessage(result.decision, assetCode) }
    case 'failure': {
      const { reason, message } = result.failure
      if (isOurs(reason)) throw new Error(`Rules does not take these facts: ${message}`)
      return { kind: 'unavailable', cause: `${reason}: ${message}` }
    }
    case 'wanted': {
      const { ruleSetVersion, signals, score } = result.wanted
      return {
        kind: 'wanted',
        ruleSetVersion,
        wish: score ? { kind: 'score', ...score } : { kind: 'signals', names: signals },
      }
    }
    case 'deferred':
    case undefined:
      throw new MalformedDecisionError('a result has a decision or a failure')
  }
}

/** This service must not send what Rules does not take. Everything else passes, at the latest when a rule is mended. */
function isOurs(reason: string): boolean {
  return reason === 'INVALID_FIELD'
}

function unavailable(error: unknown): DecideOutcome {
  const passes =
    error instanceof MalformedDecisionError ||
    error instanceof OverloadedError ||
    error instanceof CallerGoneError ||
    (error instanceof RpcError && !isOurs(error.reason))
  if (!passes) throw error
  return { kind: 'unavailable', cause: error.message }
}

class CallerGoneError extends Error {}

/** The promise's outcome, or CallerGoneError as soon as the signal aborts. */
function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      reject(new CallerGoneError('the caller did not wait for the decision'))
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', leave)
    })
  })
}

function decideRequest({ facts, signals, offered, ruleSetVersion }: Question): DecideRequest {
  const { order, payerOwner, payeeOwner, payerTags, timeMs } = facts
  return DecideRequest.fromPartial({
    facts: {
      operationType: order.operationType,
      amount: { assetCode: order.assetCode, minorUnits: order.amountMinor },
      payer: { party: partyName(order.payer), owner: payerOwner, tags: [...payerTags] },
      payee: { party: partyName(order.payee), owner: payeeOwner, tags: [] },
      metadata: order.metadata,
      time: { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 },
      signals: { ...signals },
    },
    offered: offered.map((offer) => FactSource[offer]),
    ruleSetVersion,
  })
}
