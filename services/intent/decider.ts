// Decides payments: asks Rules, and gets what the rule set in force makes use of and only Intent can get.
//
// The first payment of a kind after a publication learns from Rules what is wanted, and is asked about again with it, by the
// version that wanted it. The next ones bring it along. What cannot be had is left out of the facts: rules say what that means.
import { type Call } from '../runtime/call.js'
import { partyName } from './party-name.js'
import { type DecideOutcome, type PaymentFacts, type Question, type Rules, type RulesNode } from './rules-client.js'
import { type SignalStore } from './signal-store.js'
import { measuredSignals } from './signals.js'

export interface DeciderDeps {
  readonly rules: Pick<RulesNode, 'ask'>
  readonly signals: Pick<SignalStore, 'signalsOf'>
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
  let question: Question = { facts, signals: {}, offered: ['SIGNALS'], ruleSetVersion: 0n }
  if (wishes.has(facts)) question = await withSignals(deps, question)
  // Each answer that is none takes an offer away.
  for (;;) {
    const answer = await deps.rules.ask(call, question)
    if (answer.kind === 'decided') wishes.forgetUnless(facts, answer.decision.ruleSetVersion)
    if (answer.kind !== 'wanted') return answer
    const { ruleSetVersion } = answer
    if (!question.offered.includes('SIGNALS')) {
      return { kind: 'unavailable', cause: 'Rules wants what was not offered' }
    }
    // What nobody here measures is worth no time of Valkey's.
    const isMeasured = answer.signals.some((name) => measuredSignals.has(name))
    if (isMeasured) wishes.note(facts, ruleSetVersion)
    question = { ...(isMeasured ? await withSignals(deps, question) : withoutOffers(question)), ruleSetVersion }
  }
}

async function withSignals(deps: DeciderDeps, question: Question): Promise<Question> {
  const { order, payerOwner, payeeOwner } = question.facts
  const signals = await deps.signals.signalsOf({
    payer: payerOwner === '' ? partyName(order.payer) : payerOwner,
    payee: payeeOwner === '' ? partyName(order.payee) : payeeOwner,
    assetCode: order.assetCode,
    amountMinor: order.amountMinor,
  })
  return { ...withoutOffers(question), signals: { ...question.signals, ...signals } }
}

function withoutOffers(question: Question): Question {
  return { ...question, offered: [] }
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
