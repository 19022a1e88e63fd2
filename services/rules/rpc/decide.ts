import { type Decision as DecisionMessage, Facts as FactsMessage } from '../../../gen/paymesh/rules/v1/decision.js'
import {
  type DecideRequest,
  type DecideResponse,
  FactSource,
  type Wanted,
} from '../../../gen/paymesh/rules/v1/decision_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type CompiledRuleSet, decide } from '../decision.js'
import { bindFacts } from '../expression.js'
import { errorDomain, rulesError } from '../errors.js'
import type { Facts } from '../facts.js'
import { RuleFailedError } from '../rule-index.js'
import { missingScore, scoreSignal } from '../scoring.js'
import { decisionMessage } from './decision-message.js'
import { factsFromMessage } from './facts-message.js'

/** What Decide needs: the published versions, of which those in use are held in memory. */
export interface DecideDeps {
  readonly published: {
    readonly newest: CompiledRuleSet | undefined
    find(version: bigint): Promise<CompiledRuleSet | undefined>
  }
  /** Keeps a sample of what is decided, for dry runs. */
  readonly recorder: { offer(encode: () => Uint8Array): void }
}

/** Fails with INVALID_FIELD, NOTHING_PUBLISHED, RULE_SET_NOT_FOUND, RULE_FAILED, in this order. Waits for no store. */
export async function decidePayment(deps: DecideDeps, call: Call, request: DecideRequest): Promise<DecideResponse> {
  const answer = await answerTo(deps, call, request)
  return answer.$case === 'decision'
    ? { decision: answer.decision, wanted: undefined }
    : { decision: undefined, wanted: answer.wanted }
}

export type DecideAnswer =
  | { readonly $case: 'decision'; readonly decision: DecisionMessage }
  | { readonly $case: 'wanted'; readonly wanted: Wanted }

/** The decision that a request asks for, or what the facts lack of what its caller offers. Fails as Decide does. */
export async function answerTo(
  deps: DecideDeps,
  call: Pick<Call, 'log'>,
  request: DecideRequest,
): Promise<DecideAnswer> {
  const check = new FieldCheck(errorDomain)
  check.that(request.ruleSetVersion >= 0n, 'rule_set_version', 'must not be negative')
  const facts = factsFromMessage(check, 'facts', request.facts)
  check.done()
  const ruleSet = await findRuleSet(deps, request.ruleSetVersion)
  try {
    const wanted = wantedBy(ruleSet, facts, request.offered)
    if (wanted !== undefined) return { $case: 'wanted', wanted }
    deps.recorder.offer(() => FactsMessage.encode(FactsMessage.fromPartial(request.facts ?? {})).finish())
    return { $case: 'decision', decision: decisionMessage(decide(ruleSet, facts), facts.assetCode) }
  } catch (error) {
    if (!(error instanceof RuleFailedError)) throw error
    // The caller cannot mend it; whoever wrote the rule looks here.
    call.log.error({ err: error, ruleSetVersion: String(ruleSet.version) }, 'a rule failed')
    const metadata = { rule_set_version: String(ruleSet.version), rule: error.ruleId }
    throw rulesError('RULE_FAILED', metadata, error)
  }
}

/**
 * What the version makes use of and the facts lack, of what is offered; undefined when it is nothing. Signals come before
 * the score, since they may decide whether one is wanted. Throws RuleFailedError.
 */
function wantedBy(ruleSet: CompiledRuleSet, facts: Facts, offered: readonly FactSource[]): Wanted | undefined {
  const ruleSetVersion = ruleSet.version
  if (offered.includes(FactSource.SIGNALS)) {
    const named = ruleSet.signals.namesFor(facts.operationType, facts.assetCode)
    const signals = named.filter((name) => name !== scoreSignal && !facts.signals.has(name))
    if (signals.length > 0) return { ruleSetVersion, signals, score: undefined }
  }
  if (!offered.includes(FactSource.SCORE) || ruleSet.scoring.isEmpty) return undefined
  const scoring = missingScore(ruleSet.scoring, facts, bindFacts(facts))
  if (scoring === undefined) return undefined
  return { ruleSetVersion, signals: [], score: { provider: scoring.provider, deadlineMs: scoring.deadline_ms } }
}

async function findRuleSet({ published }: DecideDeps, version: bigint): Promise<CompiledRuleSet> {
  if (published.newest === undefined && version === 0n) throw rulesError('NOTHING_PUBLISHED')
  const ruleSet = version === 0n ? published.newest : await published.find(version)
  if (ruleSet === undefined) throw rulesError('RULE_SET_NOT_FOUND', { rule_set_version: String(version) })
  return ruleSet
}
