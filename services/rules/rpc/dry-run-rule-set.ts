import { Facts as FactsMessage } from '../../../gen/paymesh/rules/v1/decision.js'
import {
  DryRunDecision as DryRunDecisionMessage,
  type DryRunRuleSetRequest,
  type DryRunRuleSetResponse,
} from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { diffDecisions } from '../decision-diff.js'
import { errorDomain, rulesError } from '../errors.js'
import type { Facts } from '../facts.js'
import { readRecordedFacts, recordedMax } from '../recorded-facts.js'
import { readNewestVersion, type Version } from '../store.js'
import type { TriedDecision, TrialJob } from '../trial-job.js'
import { decisionMessage } from './decision-message.js'
import { factsFromMessage } from './facts-message.js'
import { documentOf, findRuleSet, findVersion, type FoundRuleSet } from './find-rule-set.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { checkRuleSetName, type RuleSetName } from './rule-set-name.js'
import { demandPublishable, tried } from './try-document.js'

type DryRunDeps = Pick<RuleSetDeps, 'pool' | 'trials'>

const factsMax = 1000
/** Decided at once, by either rule set: so many that planning the rules is the lesser part, and a stop comes soon. */
const batchMax = 500

/** A payment as it was given, and parsed. */
interface Payment {
  readonly message: FactsMessage
  readonly facts: Facts
}

/**
 * Fails with INVALID_FIELD, RULE_SET_NOT_FOUND, NOTHING_PUBLISHED, RULE_SET_INVALID, OVERLOADED, in this order; with
 * OVERLOADED also after some answers.
 */
export async function* dryRunRuleSet(
  deps: DryRunDeps,
  call: Call,
  request: DryRunRuleSetRequest,
): AsyncGenerator<DryRunRuleSetResponse> {
  const { name, given } = parse(request)
  const after = await findRuleSet(deps, name)
  const before = await findVersion(deps, await versionToCompare(deps, request.againstVersion))
  await demandPublishable(deps, documentOf(after))
  const payments = given.length > 0 ? given : await recordedPayments(deps, request.recordedCount)
  let differentCount = 0
  for (let start = 0; start < payments.length && !call.signal.aborted; start += batchMax) {
    for (const comparison of await compare(deps, before, after, payments.slice(start, start + batchMax))) {
      if (comparison.differences.length > 0) differentCount += 1
      yield { result: { $case: 'comparison', comparison } }
    }
  }
  const summary = { count: payments.length, differentCount, againstVersion: before.version }
  yield { result: { $case: 'summary', summary } }
}

function parse(request: DryRunRuleSetRequest): { name: RuleSetName; given: readonly Payment[] } {
  const { facts, recordedCount, againstVersion } = request
  const check = new FieldCheck(errorDomain)
  const name = checkRuleSetName(check, 'name', request.name)
  check.that(againstVersion >= 0n, 'against_version', 'must not be negative')
  const isCount = recordedCount >= 0 && recordedCount <= recordedMax
  check.that(isCount, 'recorded_count', `must be 0 to ${recordedMax}`)
  check.that(facts.length <= factsMax, 'facts', `must be at most ${factsMax}`)
  check.that(facts.length > 0 !== recordedCount > 0, 'facts', 'are required unless recorded_count is given')
  const given = facts
    .slice(0, factsMax)
    .map((message, index) => ({ message, facts: factsFromMessage(check, `facts[${index}]`, message) }))
  check.done()
  return { name, given }
}

async function versionToCompare({ pool }: DryRunDeps, asked: bigint): Promise<bigint> {
  const version = asked === 0n ? await readNewestVersion(pool) : asked
  if (version === undefined) throw rulesError('NOTHING_PUBLISHED')
  return version
}

/** What was recorded by a release with other bounds is left out when it does not keep those of this one. */
async function recordedPayments({ pool }: DryRunDeps, countMax: number): Promise<readonly Payment[]> {
  const recorded = await readRecordedFacts(pool, countMax)
  return recorded.flatMap((bytes) => {
    const message = FactsMessage.decode(bytes)
    const check = new FieldCheck(errorDomain)
    const facts = factsFromMessage(check, 'facts', message)
    return check.ok ? [{ message, facts }] : []
  })
}

async function compare(deps: DryRunDeps, before: Version, after: FoundRuleSet, payments: readonly Payment[]) {
  const facts = payments.map((payment) => payment.facts)
  const version = after.kind === 'version' ? after.version.version : 0n
  const left = await decided(deps, { kind: 'decide', document: before.document, version: before.version, facts })
  const right = await decided(deps, { kind: 'decide', document: documentOf(after), version, facts })
  return payments.flatMap(({ message, facts: { assetCode } }, index) => {
    const [one, other] = [left[index], right[index]]
    if (one === undefined || other === undefined) throw new Error('a trial decides every payment')
    const sides = { before: decisionOf(one, assetCode), after: decisionOf(other, assetCode) }
    return [{ facts: message, ...sides, differences: [...diffDecisions(one, other)] }]
  })
}

async function decided(deps: DryRunDeps, job: TrialJob): Promise<readonly TriedDecision[]> {
  const outcome = await tried(deps, job)
  if (outcome.kind === 'ended') throw rulesError('RULE_SET_INVALID', { problem: `document: ${outcome.why}` })
  if (outcome.result.kind !== 'decided') throw new Error(`decisions answered ${outcome.result.kind}`)
  return outcome.result.decisions
}

function decisionOf(tried: TriedDecision, assetCode: string): DryRunDecisionMessage {
  switch (tried.kind) {
    case 'decided':
      return DryRunDecisionMessage.fromPartial({ decision: decisionMessage(tried.decision, assetCode) })
    case 'failed':
      return DryRunDecisionMessage.fromPartial({ failedRule: tried.ruleId, failure: tried.why })
  }
}
