import { type Bindings, compileString, type Expression } from './expression.js'
import type { Facts } from './facts.js'
import { type LimitWindow, windowAt } from './limit-window.js'
import { applies, type CompiledRule, evaluated, RuleFailedError, RuleIndex } from './rule-index.js'
import type { LimitRule } from './rule-set.js'

// Rules says which caps bind a payment and what it uses of each; the Ledger counts, in the same chain that moves the
// money. Only a cap on one payment needs no counting, and is decided here.

/** What a payment uses of a limit's window. See LimitLeg in the contract. */
export interface LimitLeg {
  readonly limitId: string
  /** The name that the Ledger keeps the limit under. */
  readonly limit: string
  readonly metric: LimitRule['metric']
  /** Empty for COUNT. */
  readonly assetCode: string
  readonly scopeKey: string
  readonly window: LimitWindow
  /** Minor units or payments, 0 or more; so is `uses`, 1 or more. */
  readonly cap: bigint
  readonly uses: bigint
  readonly ruleSetVersion: bigint
}

/** A cap for one payment, and what the payment would use. In minor units. */
export interface LimitExcess {
  readonly limitId: string
  readonly cap: bigint
  readonly used: bigint
}

export type LimitsOutcome =
  | { readonly kind: 'legs'; readonly legs: readonly LimitLeg[] }
  | { readonly kind: 'exceeded'; readonly excess: LimitExcess }

interface CompiledLimit extends CompiledRule<LimitRule> {
  readonly scopeKey: Expression<string> | undefined
}

export type LimitIndex = RuleIndex<CompiledLimit>

export function indexLimits(limits: readonly LimitRule[]): LimitIndex {
  return new RuleIndex<CompiledLimit>(limits, (rule, condition) => ({
    rule,
    condition,
    scopeKey: rule.scope_key === undefined ? undefined : compileString(rule.scope_key),
  }))
}

/** The legs of a payment in the order of their rules, or the first cap for one payment that it is over. Throws RuleFailedError. */
export function limitsOf(index: LimitIndex, facts: Facts, bindings: Bindings, ruleSetVersion: bigint): LimitsOutcome {
  const legs: LimitLeg[] = []
  for (const compiled of index.rulesFor(facts.operationType, facts.assetCode)) {
    const { rule } = compiled
    if (!applies(compiled, bindings)) continue
    if (rule.window !== 'PER_TRANSACTION') {
      const window = windowAt(rule.window, rule.time_zone ?? 'UTC', Number(facts.time.seconds))
      legs.push({ ...capOf(rule, facts), window, scopeKey: scopeKeyOf(compiled, facts, bindings), ruleSetVersion })
    } else if (facts.amountMinor > rule.cap) {
      return { kind: 'exceeded', excess: { limitId: rule.id, cap: rule.cap, used: facts.amountMinor } }
    }
  }
  return { kind: 'legs', legs }
}

type Cap = Pick<LimitLeg, 'limitId' | 'limit' | 'metric' | 'assetCode' | 'cap' | 'uses'>

// Ids are lower case and assets are not, so a limit of payments is never named as one of amounts, whatever its id.
function capOf({ id, metric, cap }: LimitRule, { assetCode, amountMinor }: Facts): Cap {
  switch (metric) {
    case 'AMOUNT':
      return { limitId: id, limit: `${id}-${assetCode}`, metric, assetCode, cap, uses: amountMinor }
    case 'COUNT':
      return { limitId: id, limit: `${id}-count`, metric, assetCode: '', cap, uses: 1n }
  }
}

/** As long as the Ledger lets a scope key be. */
const scopeKeyLengthMax = 128

function scopeKeyOf({ rule, scopeKey }: CompiledLimit, { payer }: Facts, bindings: Bindings): string {
  const name = scopeKey ? evaluated(rule, scopeKey, bindings) : payer.owner || payer.party
  const key = encodeScopeKey(name)
  // A payment that no window can be named for must not go uncounted.
  if (key.length >= 1 && key.length <= scopeKeyLengthMax) return key
  throw new RuleFailedError(rule.id, new RangeError(`a scope key must be 1 to ${scopeKeyLengthMax} characters`))
}

/**
 * A name in the characters that the Ledger takes for a scope key: "/" becomes ":", every other character that it does
 * not take, and ":" and "~" themselves, `~` and two hexadecimal digits for each byte. No two names have the same key.
 */
export function encodeScopeKey(name: string): string {
  return name.replace(/[^A-Za-z0-9._@-]/gu, (character) => (character === '/' ? ':' : escaped(character)))
}

function escaped(character: string): string {
  return [...Buffer.from(character)].map((byte) => `~${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
