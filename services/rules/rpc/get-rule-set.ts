import type { GetRuleSetRequest, GetRuleSetResponse } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { findRuleSet } from './find-rule-set.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { draftMessage, versionMessage } from './rule-set-message.js'
import { checkRuleSetName } from './rule-set-name.js'

/** Fails with INVALID_FIELD, RULE_SET_NOT_FOUND, in this order. */
export async function getRuleSet(
  deps: Pick<RuleSetDeps, 'pool'>,
  _call: Call,
  request: GetRuleSetRequest,
): Promise<GetRuleSetResponse> {
  const check = new FieldCheck(errorDomain)
  const name = checkRuleSetName(check, 'name', request.name)
  check.done()
  const found = await findRuleSet(deps, name)
  return { ruleSet: found.kind === 'draft' ? draftMessage(found.draft) : versionMessage(found.version) }
}
