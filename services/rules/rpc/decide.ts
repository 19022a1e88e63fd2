import { type Decision as DecisionMessage, Facts as FactsMessage } from '../../../gen/paymesh/rules/v1/decision.js'
import type { DecideRequest, DecideResponse } from '../../../gen/paymesh/rules/v1/decision_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type CompiledRuleSet, decide } from '../decision.js'
import { errorDomain, rulesError } from '../errors.js'
import { RuleFailedError } from '../rule-index.js'
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
  return { decision: await decisionOn(deps, call, request) }
}

/** The decision that a request asks for. Fails as Decide does. */
export async function decisionOn(
  deps: DecideDeps,
  call: Pick<Call, 'log'>,
  request: DecideRequest,
): Promise<DecisionMessage> {
  const check = new FieldCheck(errorDomain)
  check.that(request.ruleSetVersion >= 0n, 'rule_set_version', 'must not be negative')
  const facts = factsFromMessage(check, 'facts', request.facts)
  check.done()
  const ruleSet = await findRuleSet(deps, request.ruleSetVersion)
  deps.recorder.offer(() => FactsMessage.encode(FactsMessage.fromPartial(request.facts ?? {})).finish())
  try {
    return decisionMessage(decide(ruleSet, facts), facts.assetCode)
  } catch (error) {
    if (!(error instanceof RuleFailedError)) throw error
    // The caller cannot mend it; whoever wrote the rule looks here.
    call.log.error({ err: error, ruleSetVersion: String(ruleSet.version) }, 'a rule failed')
    const metadata = { rule_set_version: String(ruleSet.version), rule: error.ruleId }
    throw rulesError('RULE_FAILED', metadata, error)
  }
}

async function findRuleSet({ published }: DecideDeps, version: bigint): Promise<CompiledRuleSet> {
  if (published.newest === undefined && version === 0n) throw rulesError('NOTHING_PUBLISHED')
  const ruleSet = version === 0n ? published.newest : await published.find(version)
  if (ruleSet === undefined) throw rulesError('RULE_SET_NOT_FOUND', { rule_set_version: String(version) })
  return ruleSet
}
