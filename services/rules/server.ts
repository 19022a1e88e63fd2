import { RateLimitServiceService } from '../../gen/envoy/service/ratelimit/v3/rate_limit_service.js'
import { DecisionServiceService } from '../../gen/paymesh/rules/v1/decision_service.js'
import { RuleSetServiceService } from '../../gen/paymesh/rules/v1/rule_set_service.js'
import { bind, type Binding } from '../runtime/server.js'
import { createRuleSet } from './rpc/create-rule-set.js'
import { decidePayment } from './rpc/decide.js'
import { decideBatch } from './rpc/decide-batch.js'
import { diffRuleSets } from './rpc/diff-rule-sets.js'
import { dryRunRuleSet } from './rpc/dry-run-rule-set.js'
import { getRuleSet } from './rpc/get-rule-set.js'
import { listRuleSets } from './rpc/list-rule-sets.js'
import { publishRuleSet } from './rpc/publish-rule-set.js'
import { rollBackRuleSet } from './rpc/roll-back-rule-set.js'
import type { RuleSetDeps } from './rpc/rule-set-deps.js'
import { shouldRateLimit, type ShouldRateLimitDeps } from './rpc/should-rate-limit.js'
import { tryExpression } from './rpc/try-expression.js'
import { updateRuleSet } from './rpc/update-rule-set.js'
import { validateRuleSet } from './rpc/validate-rule-set.js'

/** The services of this process, for health checks. */
export const serviceNames = [
  'paymesh.rules.v1.DecisionService',
  'paymesh.rules.v1.RuleSetService',
  'envoy.service.ratelimit.v3.RateLimitService',
] as const

/** What Rules serves: one line an RPC. */
export function rulesBindings(deps: RuleSetDeps & ShouldRateLimitDeps): Binding[] {
  return [
    bind(DecisionServiceService, {
      decide: (call, request) => decidePayment(deps, call, request),
      decideBatch: (call, request) => decideBatch(deps, call, request),
    }),
    bind(RuleSetServiceService, {
      createRuleSet: (call, request) => createRuleSet(deps, call, request),
      getRuleSet: (call, request) => getRuleSet(deps, call, request),
      listRuleSets: (call, request) => listRuleSets(deps, call, request),
      updateRuleSet: (call, request) => updateRuleSet(deps, call, request),
      validateRuleSet: (call, request) => validateRuleSet(deps, call, request),
      dryRunRuleSet: (call, request) => dryRunRuleSet(deps, call, request),
      publishRuleSet: (call, request) => publishRuleSet(deps, call, request),
      rollBackRuleSet: (call, request) => rollBackRuleSet(deps, call, request),
      diffRuleSets: (call, request) => diffRuleSets(deps, call, request),
      tryExpression: (call, request) => tryExpression(deps, call, request),
    }),
    bind(RateLimitServiceService, {
      shouldRateLimit: (call, request) => shouldRateLimit(deps, call, request),
    }),
  ]
}
