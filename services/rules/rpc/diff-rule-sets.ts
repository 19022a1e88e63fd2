import type { DiffRuleSetsRequest, DiffRuleSetsResponse } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { documentOf, findRuleSet } from './find-rule-set.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { differenceMessages } from './rule-set-message.js'
import { checkRuleSetName } from './rule-set-name.js'

/** Fails with INVALID_FIELD, RULE_SET_NOT_FOUND, in this order. */
export async function diffRuleSets(
  deps: Pick<RuleSetDeps, 'pool'>,
  _call: Call,
  request: DiffRuleSetsRequest,
): Promise<DiffRuleSetsResponse> {
  const check = new FieldCheck(errorDomain)
  const before = checkRuleSetName(check, 'before', request.before)
  const after = checkRuleSetName(check, 'after', request.after)
  check.done()
  const [left, right] = [await findRuleSet(deps, before), await findRuleSet(deps, after)]
  return { differences: differenceMessages(documentOf(left), documentOf(right)) }
}
