// Decides payments: asks Rules, and gets what the rule set in force makes use of and only Intent can get.
//
// The first payment of a kind after a publication learns from Rules what is wanted, and is asked about again with it, by the
// version that wanted it. The next ones bring it along. What cannot be had is left out of the facts: rules say what that means.
import { type Call } from '../../runtime/call.js'
import { partyName } from '../intents/party-name.js'
import {
  type DecideOutcome,
  type Offer,
  type PaymentFacts,
  type Question,
  type Rules,
  type RulesNode,
  type Wish,
} from './rules-client.js'
import { type Scoring } from './scoring-client.js'
import { type SignalStore } from './signal-store.js'
import { measuredSignals } from './signals.js'

export interface DeciderDeps {
  readonly rules: Pick<RulesNode, 'ask'>
  readonly signals: Pick<SignalStore, 'signalsOf'>
  readonly scoring: Scoring
}

export function createDecider(deps: DeciderDeps): Rules {
  const wishes = new KnownWishes()
  return {
    decide: (call, facts) => decide(deps, wishes, call, facts),
  }
}

async function decide(
  deps: DeciderDeps,
  wishes: KnownWishes,
  call: Pick<Call, 'signal'>,
  facts: PaymentFacts,
): Promise<DecideOutcome> {
  let question: Question = { facts, signals: {}, offered: ['SIGNALS', 'SCORE'], ruleSetVersion: 0n }
  if (wishes.has(facts)) question = added('SIGNALS', await measured(deps, facts), question)
  // Each wish takes an offer away, so there are at most two.
  for (;;) {
    const answer = await deps.rules.ask(call, question)
    if (answer.kind === 'decided') wishes.forgetUnless(facts, answer.decision.ruleSetVersion)
    if (answer.kind !== 'wanted') return answer
    const { ruleSetVersion, wish } = answer
    const offer = wish.kind === 'signals' ? 'SIGNALS' : 'SCORE'
    if (!question.offered.includes(offer)) return { kind: 'unavailable', cause: `Rules wants ${offer} once more` }
    const signals = await granted(deps, call, facts, wish)
    if (wish.kind === 'signals' && isMeasured(wish.names)) wishes.note(facts, ruleSetVersion)
    question = { ...added(offer, signals, question), ruleSetVersion }
  }
}

type Signals = Readonly<Record<string, bigint>>

async function granted(
  deps: DeciderDeps,
  call: Pick<Call, 'signal'>,
  facts: PaymentFacts,
  wish: Wish,
): Promise<Signals> {
  // What nobody here measures is worth no time of Valkey's.
  if (wish.kind === 'signals') return isMeasured(wish.names) ? await measured(deps, facts) : {}
  const score = await deps.scoring.scoreOf(call, wish.provider, wish.deadlineMs, facts)
  return score === undefined ? {} : { external_score: score }
}

function isMeasured(names: readonly string[]): boolean {
  return names.some((name) => measuredSignals.has(name))
}

function measured(deps: DeciderDeps, { order, payerOwner, payeeOwner }: PaymentFacts): Promise<Signals> {
  return deps.signals.signalsOf({
    payer: payerOwner === '' ? partyName(order.payer) : payerOwner,
    payee: payeeOwner === '' ? partyName(order.payee) : payeeOwner,
    assetCode: order.assetCode,
    amountMinor: order.amountMinor,
  })
}

function added(offer: Offer, signals: Signals, question: Question): Question {
  return {
    ...question,
    signals: { ...question.signals, ...signals },
    offered: question.offered.filter((other) => other !== offer),
  }
}

// More kinds of payment than there are: a type and an asset each.
const kindsMax = 1_000

/** For which kinds of payment the newest version wants signals, as far as it is known. */
class KnownWishes {
  readonly #versions = new Map<string, bigint>()

  has(facts: PaymentFacts): boolean {
    return this.#versions.has(kindOf(facts))
  }

  note(facts: PaymentFacts, ruleSetVersion: bigint): void {
    if (this.#versions.size >= kindsMax) this.#versions.clear()
    this.#versions.set(kindOf(facts), ruleSetVersion)
  }

  /** Another version may want nothing. */
  forgetUnless(facts: PaymentFacts, ruleSetVersion: bigint): void {
    const known = this.#versions.get(kindOf(facts))
    if (known !== undefined && known < ruleSetVersion) this.#versions.delete(kindOf(facts))
  }
}

function kindOf({ order }: PaymentFacts): string {
  return `${order.operationType}/${order.assetCode}`
}
