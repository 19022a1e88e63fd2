// Asks outside providers how risky a payment is: HTTP POST of JSON, answered by {"score": 0 to 1000}.
//
// A provider is told ids and amounts, nothing of a person's. Whatever goes wrong (slow, garbage, out of range, away) is no
// score, and the rule set says what that means. A provider that fails five times in a row is left alone for five seconds;
// then one payment tries it.
import { type Counter } from 'prom-client'
import { z } from 'zod'
import { type Call } from '../../runtime/call.js'
import { type Logger } from '../../runtime/logger.js'
import { type Secret } from '../../runtime/secret.js'
import { type Party } from '../intents/intent.js'
import { partyName } from '../intents/party-name.js'
import { type PaymentFacts } from './rules-client.js'

export interface ScoringProvider {
  /** As rule sets name it. */
  readonly name: string
  readonly url: string
  /** Sent as a bearer token. */
  readonly key: Secret
}

export interface ScoringDeps {
  readonly providers: readonly ScoringProvider[]
  /** Milliseconds that only move forward. */
  readonly elapsedMs: () => number
  readonly outcomes: Counter<'provider' | 'outcome'>
  readonly log: Logger
}

export interface Scoring {
  /** The provider's score, 0 to 1000; undefined when there is none in time. Never rejects. */
  scoreOf(
    call: Pick<Call, 'signal'>,
    providerName: string,
    deadlineMs: number,
    facts: PaymentFacts,
  ): Promise<bigint | undefined>
}

const failuresMax = 5
const pauseMs = 5_000
// As many as wait for a provider that takes its whole half second, at 500 payments a second.
const inFlightMax = 256
const answerBytesMax = 4_096
const deadlineMsMax = 500

const answerShape = z.object({ score: z.int().min(0).max(1000) })

export function createScoring(deps: ScoringDeps): Scoring {
  const providers = new Map(deps.providers.map((provider) => [provider.name, new ProviderState(provider)]))
  return {
    scoreOf: async (call, providerName, deadlineMs, facts) => {
      const count = (outcome: string) => {
        deps.outcomes.inc({ provider: providerName, outcome })
      }
      const state = providers.get(providerName)
      if (state === undefined || !state.admit(deps.elapsedMs())) {
        count(state === undefined ? 'unknown' : 'skipped')
        return undefined
      }
      try {
        const score = await ask(state.provider, Math.min(deadlineMs, deadlineMsMax), call.signal, facts)
        state.succeeded()
        count('scored')
        return score
      } catch (error) {
        // A caller that went away says nothing about the provider.
        const isFailure = !call.signal.aborted
        if (isFailure && state.failed(deps.elapsedMs())) {
          deps.log.warn({ err: error, provider: providerName }, 'the scoring provider fails and is left alone')
        }
        count(isFailure ? 'failed' : 'left')
        return undefined
      } finally {
        state.ended()
      }
    },
  }
}

/**
 * Closed: asked. Open, after failures in a row: not asked until the pause is over. Half open: one question is under way,
 * whose answer closes it or begins another pause.
 */
class ProviderState {
  readonly provider: ScoringProvider
  #inFlight = 0
  #failures = 0
  #openUntilMs = -Infinity

  constructor(provider: ScoringProvider) {
    this.provider = provider
  }

  /** Whether the provider may be asked now; if so, `ended` follows. */
  admit(nowMs: number): boolean {
    if (this.#inFlight >= inFlightMax || nowMs < this.#openUntilMs) return false
    if (this.#failures >= failuresMax && this.#inFlight > 0) return false
    this.#inFlight += 1
    return true
  }

  ended(): void {
    this.#inFlight -= 1
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** True when the provider is left alone from now on, the first time. */
  failed(nowMs: number): boolean {
    this.#failures += 1
    if (this.#failures >= failuresMax) this.#openUntilMs = nowMs + pauseMs
    return this.#failures === failuresMax
  }
}

async function ask(provider: ScoringProvider, timeoutMs: number, caller: AbortSignal, facts: PaymentFacts) {
  const response = await fetch(provider.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${provider.key.reveal()}` },
    body: JSON.stringify(questionOf(facts)),
    // The key is for this address and no other.
    redirect: 'error',
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), caller]),
  })
  const text = await readText(response)
  if (response.status !== 200) throw new Error(`answered with status ${response.status}`)
  return BigInt(answerShape.parse(JSON.parse(text)).score)
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    const bytes = z.instanceof(Uint8Array).parse(chunk)
    size += bytes.length
    // Leaving the loop cancels the rest.
    if (size > answerBytesMax) throw new Error(`answered with more than ${answerBytesMax} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString()
}

/** int64 as decimal strings, as everywhere outside. No metadata, tags or accounts at banks. */
function questionOf({ order, payerOwner, payeeOwner, timeMs }: PaymentFacts): object {
  return {
    operationType: order.operationType,
    amount: { assetCode: order.assetCode, minorUnits: String(order.amountMinor) },
    payer: { party: idOf(order.payer), owner: payerOwner },
    payee: { party: idOf(order.payee), owner: payeeOwner },
    time: new Date(timeMs).toISOString(),
  }
}

/** Empty for somebody outside: their account's number is theirs. */
function idOf(party: Party): string {
  return party.kind === 'external' ? '' : partyName(party)
}
