import assert from 'node:assert/strict'
import { bindFacts } from './expression.js'
import { type Facts, sortedPairs } from './facts.js'
import { indexRisk, riskOf } from './risk.js'
import { RuleFailedError } from './rule-index.js'
import { parseRuleSet } from './rule-set.js'
import { exampleFacts } from './test/example-facts.js'

const rule = (id: string, change: object) => ({
  id,
  operation_types: ['P2P_TRANSFER'],
  reason: id.toUpperCase(),
  ...change,
})

const risk = {
  review_at: 300,
  deny_at: 700,
  rules: [
    rule('fast', {
      condition: 'has(signals.payments_last_hour) && signals.payments_last_hour > 10',
      score: 'min(signals.payments_last_hour * 20, 600)',
    }),
    rule('no_signal', { condition: '!has(signals.payments_last_hour)', score: 300 }),
    rule('trusted', { condition: '"vip" in payer.tags', score: -200 }),
    rule('watched', { condition: '"watched" in payer.tags', action: 'REVIEW' }),
    rule('blocked', { condition: '"blocked" in payee.tags', action: 'DENY' }),
    rule('large', { condition: 'amount > 100000', score: 400 }),
  ],
}

function riskBy(facts: Partial<Facts>, document: unknown = risk) {
  const all = exampleFacts(facts)
  return riskOf(indexRisk(parseRuleSet({ routes: [], fees: [], risk: document }).risk), all, bindFacts(all))
}

const payer = (...tags: string[]) => ({ party: 'wallets/a', owner: 'users/a', tags, walletKind: '' })
const signals = (payments: bigint) => sortedPairs({ payments_last_hour: payments })

describe('risk', () => {
  it('adds up scores and reasons, and takes the strictest of what thresholds and rules demand', () => {
    const cases: [facts: Partial<Facts>, action: string, score: number, reasons: string[]][] = [
      [{ signals: signals(3n) }, 'ALLOW', 0, []],
      [{ signals: signals(14n) }, 'ALLOW', 280, ['FAST']],
      [{ signals: signals(15n) }, 'REVIEW', 300, ['FAST']],
      [{ signals: signals(99n), amountMinor: 100_001n }, 'DENY', 1000, ['FAST', 'LARGE']],
      [{ signals: signals(3n), payer: payer('vip') }, 'ALLOW', 0, ['TRUSTED']],
      [{ signals: signals(15n), payer: payer('vip') }, 'ALLOW', 100, ['FAST', 'TRUSTED']],
      [{ signals: signals(3n), payer: payer('watched') }, 'REVIEW', 0, ['WATCHED']],
      [{ signals: signals(3n), payee: payer('blocked') }, 'DENY', 0, ['BLOCKED']],
    ]
    for (const [facts, action, score, reasons] of cases) {
      const found = riskBy(facts)
      assert.deepEqual([found.action, found.score, [...found.reasons].sort()], [action, score, reasons])
    }
  })

  it('lets a rule say what a missing signal means', () => {
    assert.deepEqual(riskBy({}), { action: 'REVIEW', score: 300, reasons: ['NO_SIGNAL'] })
  })

  it('allows everything without rules, and reviews nothing without thresholds', () => {
    assert.deepEqual(riskBy({}, {}), { action: 'ALLOW', score: 0, reasons: [] })
    assert.equal(riskBy({}, { rules: risk.rules }).action, 'ALLOW')
  })

  it('gives at most 32 reasons, each once', () => {
    const rules = Array.from({ length: 80 }, (_, index) => rule(`r${index}`, { reason: `R${index % 40}` }))
    const { reasons } = riskBy({}, { rules })
    assert.deepEqual([reasons.length, new Set(reasons).size], [32, 32])
  })

  it('fails by the name of the rule that has no answer', () => {
    const rules = [rule('broken', { score: 'signals.absent' })]
    assert.throws(
      () => riskBy({}, { rules }),
      (error) => error instanceof RuleFailedError && error.ruleId === 'broken',
    )
  })
})
