import assert from 'node:assert/strict'
import { compileRuleSet, decide } from './decision.js'
import { diffDecisions } from './decision-diff.js'
import { type Facts, tagSet } from './facts.js'
import { parseRuleSet, RuleSetInvalidError } from './rule-set.js'
import { checkRuleSet } from './rule-set-check.js'
import { exampleFacts } from './test/example-facts.js'

const rule = (id: string, change: object) => ({ id, operation_types: ['P2P_TRANSFER'], level: 'DEVICE', ...change })
const document = (rules: readonly object[]) => ({
  routes: [{ id: 'p2p', operation_type: 'P2P_TRANSFER', channel: 'INTERNAL_P2P' }],
  fees: [],
  step_up: rules,
})

function decideBy(rules: readonly object[], facts: Partial<Facts> = {}) {
  const ruleSet = parseRuleSet(document(rules))
  checkRuleSet(ruleSet)
  return decide(compileRuleSet(1n, ruleSet), exampleFacts(facts))
}

function levelBy(rules: readonly object[], facts: Partial<Facts> = {}): string | undefined {
  const { outcome } = decideBy(rules, facts)
  return outcome.kind === 'allowed' ? outcome.requiredLevel : outcome.refusal.reason
}

describe('step-up rules', () => {
  const over = rule('over', { min_minor: '10000', assets: ['THB'] })

  it('demand a level from an amount on, inclusive', () => {
    assert.equal(levelBy([]), undefined)
    assert.equal(levelBy([over], { amountMinor: 9_999n }), undefined)
    assert.equal(levelBy([over], { amountMinor: 10_000n }), 'DEVICE')
    assert.equal(levelBy([{ ...over, enabled: false }]), undefined)
    assert.equal(levelBy([{ ...over, assets: ['USD'] }]), undefined)
    assert.equal(levelBy([{ ...over, operation_types: ['WALLET_FUNDING'] }]), undefined)
  })

  it('demand it where their condition holds, and the strictest wins', () => {
    const known = rule('known', { condition: "!('kyc_verified' in payer.tags)" })
    const payer = { party: 'wallets/a', owner: 'users/a', walletKind: '', tags: tagSet(['kyc_verified']) }
    assert.equal(levelBy([known]), 'DEVICE')
    assert.equal(levelBy([known], { payer }), undefined)
    assert.equal(levelBy([over, rule('pin', { level: 'PIN' })]), 'PIN')
    assert.equal(levelBy([rule('a-pin', { level: 'PIN', condition: 'amount > 20000' }), over]), 'DEVICE')
  })

  it('are part of the digest and of what a dry run compares', () => {
    const digests = [decideBy([]), decideBy([over]), decideBy([{ ...over, level: 'PIN' }])].map(({ digest }) => digest)
    assert.equal(new Set(digests.map((digest) => digest.toString('hex'))).size, 3)
    const tried = (rules: readonly object[]) => ({ kind: 'decided', decision: decideBy(rules) }) as const
    assert.deepEqual(diffDecisions(tried([]), tried([over])), ['required level: none, then DEVICE'])
  })

  const faults: [string, readonly object[], RegExp][] = [
    ['an amount without assets', [rule('x', { min_minor: '1' })], /step_up\.0: an amount in minor units needs assets/],
    ['a level that is none', [rule('x', { level: 'PASSWORD' })], /step_up\.0\.level/],
    ['an id twice', [rule('x', {}), rule('x', {})], /step_up: has an id twice/],
    ['a condition that is no bool', [rule('x', { condition: 'amount' })], /step_up\.x\.condition/],
    ['a signal that may be missing', [rule('x', { condition: 'signals.z_score_milli > 1' })], /step_up\.x\.condition/],
  ]
  for (const [name, rules, problem] of faults) {
    it(`are refused with ${name}`, () => {
      const check = () => {
        checkRuleSet(parseRuleSet(document(rules)))
      }
      assert.throws(check, (error: Error) => error instanceof RuleSetInvalidError && problem.test(error.message))
    })
  }
})
