import { compileRuleSet, type Decision, decide } from './decision.js'
import { bindFacts, ExpressionFailedError, type ResultKind } from './expression.js'
import { guardExpression, problemsOf, type Scope } from './expression-guard.js'
import type { Facts } from './facts.js'
import { RuleFailedError } from './rule-index.js'
import { parseRuleSet, RuleSetInvalidError } from './rule-set.js'
import { ruleSetProblems } from './rule-set-check.js'

// What is tried with documents and expressions that nobody has bounded yet. Runs in a worker (trial-worker.ts), which is
// ended when one step of it takes too long; so every step that runs foreign text says when it is done.

export type TrialJob =
  | { readonly kind: 'check'; readonly document: unknown }
  | { readonly kind: 'try'; readonly source: string; readonly result: ResultKind; readonly facts: Facts | undefined }
  /** Documents that were checked before: what they decide. */
  | { readonly kind: 'decide'; readonly document: unknown; readonly version: bigint; readonly facts: readonly Facts[] }

/** A decision, or the rule that kept it from being made. */
export type TriedDecision =
  | { readonly kind: 'decided'; readonly decision: Decision }
  | { readonly kind: 'failed'; readonly ruleId: string; readonly why: string }

export type TrialResult =
  | { readonly kind: 'checked'; readonly problems: readonly string[] }
  | {
      readonly kind: 'tried'
      readonly problems: readonly string[]
      /** What it gives on the facts; undefined without facts, or when it has problems or fails. */
      readonly value: boolean | bigint | string | undefined
      readonly failure: string
    }
  | { readonly kind: 'decided'; readonly decisions: readonly TriedDecision[] }

/** Does a job. Calls `step` after each expression and each decision. */
export function runTrial(job: TrialJob, step: () => void): TrialResult {
  switch (job.kind) {
    case 'check':
      return { kind: 'checked', problems: checkDocument(job.document, step) }
    case 'try':
      return tryExpression(job.source, job.result, job.facts)
    case 'decide': {
      const ruleSet = compileRuleSet(job.version, parseRuleSet(job.document))
      step()
      const decisions = job.facts.map((facts) => {
        const decision = tryDecision(() => decide(ruleSet, facts))
        step()
        return decision
      })
      return { kind: 'decided', decisions }
    }
  }
}

function checkDocument(document: unknown, step: () => void): readonly string[] {
  try {
    const ruleSet = parseRuleSet(document)
    step()
    const problems: string[] = []
    for (const problem of ruleSetProblems(ruleSet)) {
      if (problem === undefined) step()
      else problems.push(problem)
    }
    return problems
  } catch (error) {
    if (error instanceof RuleSetInvalidError) return error.problems
    throw error
  }
}

function tryExpression(source: string, result: ResultKind, facts: Facts | undefined): TrialResult {
  const guarded = guardExpression<ResultKind>(source, result, scopeOf(facts))
  const problems = problemsOf(guarded)
  const nothing = { kind: 'tried', problems, value: undefined, failure: '' } as const
  if (problems.length > 0 || facts === undefined || guarded.kind === 'refused') return nothing
  try {
    return { ...nothing, value: guarded.evaluate(bindFacts(facts)) }
  } catch (error) {
    if (!(error instanceof ExpressionFailedError)) throw error
    return { ...nothing, failure: error.message }
  }
}

function scopeOf(facts: Facts | undefined): Scope {
  const { operationType = 'P2P_TRANSFER', assetCode = 'THB' } = facts ?? {}
  return { operationType, assetCode, lowestMinor: 1n, highestMinor: 1_000_000_000_000n }
}

function tryDecision(decideIt: () => Decision): TriedDecision {
  try {
    return { kind: 'decided', decision: decideIt() }
  } catch (error) {
    if (error instanceof RuleFailedError) return { kind: 'failed', ruleId: error.ruleId, why: error.message }
    throw error
  }
}
