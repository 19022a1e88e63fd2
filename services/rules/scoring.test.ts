import assert from 'node:assert/strict'
import { compileRuleSet, decide } from './decision.js'
import { type Facts, sortedPairs } from './facts.js'
import { parseRuleSet, RuleSetInvalidError } from './rule-set.js'
import { checkRuleSet } from './rule-set-check.js'
import { exampleFacts } from './test/example-facts.js'

const scoring = {
  operation_types: ['P2P_TRANSFER'],
  assets: ['THB'],
  condition: 'amount > 1000',
  provider: 'acme',
  deadline_ms: 200,
  without_score: 'REVIEW',
}
const rule = (id: string, change: object) => ({
  id,
  operation_types: ['P2P_TRANSFER'],
  reason: id.toUpperCase(),
  ...change,
})
const document = (change: object) => ({
  routes: [{ id: 'p2p', operation_type: 'P2P_TRANSFER', channel: 'INTERNAL_P2P' }],
  fees: [],
  risk: {
    rules: [
      rule('risky', { condition: 'has(signals.external_score) && signals.external_score >= 800', action: 'DENY' }),
      rule('large', { condition: 'amount > 50000', score: 10 }),
    ],
  },
  scoring: { ...scoring, ...change },
})

function riskBy(change: object, facts: Partial<Facts>): string {
  const ruleSet = parseRuleSet(document(change))
  checkRuleSet(ruleSet)
  const { outcome } = decide(compileRuleSet(1n, ruleSet), exampleFacts(facts))
  const said = outcome.kind === 'refused' ? outcome.refusal.reason : outcome.risk.action
  return [said, ...(outcome.risk?.reasons ?? [])].join(' ')
}

const scored = (score: bigint) => ({ signals: sortedPairs({ external_score: score }) })

describe('scoring', () => {
  it('leaves the score to the rules where there is one', () => {
    for (const without_score of ['ALLOW', 'REVIEW', 'DENY', 'IGNORE']) {
      assert.equal(riskBy({ without_score }, scored(799n)), 'ALLOW')
      assert.equal(riskBy({ without_score }, scored(800n)), 'RISK_DENIED RISKY')
    }
  })

  it('treats a payment without the score that it should have as the rule set says, and says so', () => {
    const large = { amountMinor: 60_000n }
    assert.equal(riskBy({ without_score: 'ALLOW' }, large), 'ALLOW SCORE_MISSING LARGE')
    assert.equal(riskBy({ without_score: 'REVIEW' }, large), 'REVIEW SCORE_MISSING LARGE')
    assert.equal(riskBy({ without_score: 'DENY' }, large), 'RISK_DENIED SCORE_MISSING LARGE')
    assert.equal(riskBy({ without_score: 'IGNORE' }, large), 'ALLOW LARGE')
  })

  it('is for the payments that its scope and condition name', () => {
    assert.equal(riskBy({ without_score: 'DENY' }, { amountMinor: 1000n }), 'ALLOW')
    assert.equal(riskBy({ without_score: 'DENY' }, { amountMinor: 1001n }), 'RISK_DENIED SCORE_MISSING')
    assert.equal(riskBy({ without_score: 'DENY' }, { amountMinor: 1001n, assetCode: 'USD' }), 'ALLOW')
    assert.equal(riskBy({ condition: undefined }, { amountMinor: 1n }), 'REVIEW SCORE_MISSING')
  })

  it('is refused when publishing where it is wrong', () => {
    const cases: [change: object, problem: RegExp][] = [
      [{ deadline_ms: 501 }, /scoring\.deadline_ms/],
      [{ without_score: undefined }, /scoring\.without_score/],
      [{ provider: 'https://acme.example' }, /scoring\.provider/],
      [{ condition: 'signals.z_score_milli > 1' }, /scoring\.condition: reads signals\.z_score_milli/],
    ]
    for (const [change, problem] of cases) {
      assert.throws(
        () => {
          checkRuleSet(parseRuleSet(document(change)))
        },
        (error) => error instanceof RuleSetInvalidError && problem.test(error.message),
        String(problem),
      )
    }
  })
})
