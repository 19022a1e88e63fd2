import type { ValidateRuleSetRequest, ValidateRuleSetResponse } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import type { RuleSetProblem } from '../../../gen/paymesh/rules/v1/rule_set.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { documentOf, findRuleSet } from './find-rule-set.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { checkDocument } from './rule-set-fields.js'
import { checkRuleSetName } from './rule-set-name.js'
import { documentProblems } from './try-document.js'

/** Fails with INVALID_FIELD, RULE_SET_NOT_FOUND, OVERLOADED, in this order. */
export async function validateRuleSet(
  deps: Pick<RuleSetDeps, 'pool' | 'trials'>,
  _call: Call,
  request: ValidateRuleSetRequest,
): Promise<ValidateRuleSetResponse> {
  const problems = await documentProblems(deps, await documentFrom(deps, request))
  return { problems: problems.map(problemMessage) }
}

async function documentFrom(deps: Pick<RuleSetDeps, 'pool'>, { source }: ValidateRuleSetRequest): Promise<unknown> {
  const check = new FieldCheck(errorDomain)
  check.that(source !== undefined, 'source', 'needs a document or a name')
  if (source?.$case === 'name') {
    const name = checkRuleSetName(check, 'name', source.name)
    check.done()
    return documentOf(await findRuleSet(deps, name))
  }
  if (source !== undefined) checkDocument(check, 'document', source.document)
  check.done()
  return source?.document
}

/** A problem begins with its place. */
function problemMessage(problem: string): RuleSetProblem {
  const [, place = 'document', description = problem] = /^(\S+): (.*)$/s.exec(problem) ?? []
  return { place, description }
}
