import type { Bindings } from './expression.js'
import type { Facts } from './facts.js'
import { applies, type CompiledRule, RuleIndex } from './rule-index.js'
import type { RouteRule } from './rule-set.js'

export type RouteIndex = RuleIndex<CompiledRule<RouteRule>>

export function indexRoutes(routes: readonly RouteRule[]): RouteIndex {
  return new RuleIndex<CompiledRule<RouteRule>>(routes, (rule, condition) => ({ rule, condition }))
}

/** The first route that takes the payment, or undefined. Throws RuleFailedError. */
export function findRoute(index: RouteIndex, facts: Facts, bindings: Bindings): RouteRule | undefined {
  return index
    .rulesFor(facts.operationType, facts.assetCode)
    .find(
      (compiled) =>
        facts.amountMinor >= compiled.rule.min_minor &&
        facts.amountMinor <= compiled.rule.max_minor &&
        applies(compiled, bindings),
    )?.rule
}
