import {
  ExpressionResult,
  type TryExpressionRequest,
  type TryExpressionResponse,
} from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import type { ResultKind } from '../expression.js'
import type { TrialJob, TrialResult } from '../trial-job.js'
import { factsFromMessage } from './facts-message.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { tried } from './try-document.js'

/** Fails with INVALID_FIELD, OVERLOADED, in this order. */
export async function tryExpression(
  deps: Pick<RuleSetDeps, 'trials'>,
  _call: Call,
  request: TryExpressionRequest,
): Promise<TryExpressionResponse> {
  const outcome = await tried(deps, parse(request))
  if (outcome.kind === 'ended') return { problems: [outcome.why], value: undefined, failure: '' }
  if (outcome.result.kind !== 'tried') throw new Error(`an expression answered ${outcome.result.kind}`)
  const { problems, value, failure } = outcome.result
  return { problems: [...problems], value: valueMessage(value), failure }
}

function parse({ expression, result, facts }: TryExpressionRequest): TrialJob {
  const check = new FieldCheck(errorDomain)
  check.that(expression !== '', 'expression', 'is required')
  const kind = resultKind(result)
  check.that(kind !== undefined, 'result', 'is required and must be a result')
  const parsed = facts && factsFromMessage(check, 'facts', facts)
  check.done()
  return { kind: 'try', source: expression, result: kind ?? 'bool', facts: parsed }
}

function resultKind(result: ExpressionResult): ResultKind | undefined {
  switch (result) {
    case ExpressionResult.BOOL:
      return 'bool'
    case ExpressionResult.INT:
      return 'int'
    case ExpressionResult.STRING:
      return 'string'
    default:
      return undefined
  }
}

type Value = Extract<TrialResult, { kind: 'tried' }>['value']

function valueMessage(value: Value): TryExpressionResponse['value'] {
  switch (typeof value) {
    case 'boolean':
      return { $case: 'boolValue', boolValue: value }
    case 'bigint':
      return { $case: 'intValue', intValue: value }
    case 'string':
      return { $case: 'stringValue', stringValue: value }
    default:
      return undefined
  }
}
