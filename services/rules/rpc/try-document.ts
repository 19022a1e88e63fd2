import { rulesError } from '../errors.js'
import type { TrialJob, TrialResult } from '../trial-job.js'
import type { TrialOutcome } from '../trials.js'
import type { RuleSetDeps } from './rule-set-deps.js'

const problemsMax = 1000

type TrialsDeps = Pick<RuleSetDeps, 'trials'>

/** What keeps a document from being published; nothing when it may be. Fails with OVERLOADED. */
export async function documentProblems(deps: TrialsDeps, document: unknown): Promise<readonly string[]> {
  const outcome = await tried(deps, { kind: 'check', document })
  if (outcome.kind === 'ended') return [`document: ${outcome.why}`]
  if (outcome.result.kind !== 'checked') throw new Error(`a check answered ${outcome.result.kind}`)
  return outcome.result.problems.slice(0, problemsMax)
}

/** Fails with OVERLOADED. */
export async function tried(
  { trials }: TrialsDeps,
  job: TrialJob,
): Promise<{ kind: 'done'; result: TrialResult } | { kind: 'ended'; why: string }> {
  const outcome: TrialOutcome = await trials.run(job)
  if (outcome.kind === 'busy') throw rulesError('OVERLOADED')
  return outcome
}

/** Fails with RULE_SET_INVALID, naming the first problem, and OVERLOADED. */
export async function demandPublishable(deps: TrialsDeps, document: unknown): Promise<void> {
  const [problem] = await documentProblems(deps, document)
  if (problem !== undefined) throw rulesError('RULE_SET_INVALID', { problem })
}
