import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bindFacts } from './expression.js'
import type { Facts } from './facts.js'
import { encodeScopeKey, indexLimits, type LimitLeg, limitsOf } from './limits.js'
import { RuleFailedError } from './rule-index.js'
import { parseRuleSet } from './rule-set.js'
import { exampleFacts } from './test/example-facts.js'

const limit = {
  id: 'daily',
  operation_types: ['P2P_TRANSFER', 'IPPS_WITHDRAWAL'],
  assets: ['THB', 'USD'],
  metric: 'AMOUNT',
  window: 'DAILY',
  time_zone: 'Asia/Bangkok',
  cap: '50000',
}

function outcomeBy(limits: unknown[], facts: Partial<Facts> = {}) {
  const all = exampleFacts(facts)
  return limitsOf(indexLimits(parseRuleSet({ routes: [], fees: [], limits }).limits), all, bindFacts(all), 7n)
}

function legsBy(limits: unknown[], facts: Partial<Facts> = {}): readonly LimitLeg[] {
  const outcome = outcomeBy(limits, facts)
  assert.ok(outcome.kind === 'legs')
  return outcome.legs
}

describe('limits', () => {
  it('say what a payment uses of which window, in the order of their rules', () => {
    const count = {
      ...limit,
      id: 'often',
      metric: 'COUNT',
      assets: undefined,
      window: 'MONTHLY',
      cap: '3',
      priority: -1,
    }
    const [often, daily, ...none] = legsBy([limit, count])
    assert.deepEqual(none, [])
    assert.deepEqual(
      { ...daily, window: daily?.window.name },
      {
        limitId: 'daily',
        limit: 'daily-THB',
        metric: 'AMOUNT',
        assetCode: 'THB',
        scopeKey: 'users:a',
        window: '2026-01-01',
        cap: 50_000n,
        uses: 10_000n,
        ruleSetVersion: 7n,
      },
    )
    assert.deepEqual(
      [often?.limit, often?.metric, often?.assetCode, often?.uses, often?.cap, often?.window.name],
      ['often-count', 'COUNT', '', 1n, 3n, '2026-01'],
    )
  })

  it('are for their operations and assets, and only where their condition holds', () => {
    assert.equal(legsBy([limit], { operationType: 'IPPS_WITHDRAWAL', assetCode: 'USD' })[0]?.limit, 'daily-USD')
    assert.deepEqual(legsBy([limit], { operationType: 'REFUND' }), [])
    assert.deepEqual(legsBy([limit], { assetCode: 'JPY' }), [])
    const unverified = { ...limit, condition: '!("kyc_verified" in payer.tags)' }
    assert.equal(legsBy([unverified]).length, 1)
    const verified = { party: 'wallets/a', owner: 'users/a', tags: ['kyc_verified'], walletKind: '' }
    assert.deepEqual(legsBy([unverified], { payer: verified }), [])
  })

  it('bind whom the scope key names: the payer’s owner, or the payer itself when nobody owns it', () => {
    const house = { party: 'accounts/settlement.THB', owner: '', tags: [], walletKind: '' }
    assert.equal(legsBy([limit], { payer: house })[0]?.scopeKey, 'accounts:settlement.THB')
    const perPayee = { ...limit, scope_key: 'payer.owner + " to " + payee.owner' }
    assert.equal(legsBy([perPayee])[0]?.scopeKey, 'users:a~20to~20users:b')
  })

  it('fail by their name where nobody can be named', () => {
    const cases = [{ scope_key: '""' }, { scope_key: 'metadata.absent' }, { scope_key: `"${'x'.repeat(129)}"` }]
    for (const change of cases) {
      assert.throws(
        () => outcomeBy([{ ...limit, ...change }]),
        (error) => error instanceof RuleFailedError && error.ruleId === 'daily',
      )
    }
  })

  it('of one payment are decided at once', () => {
    const one = { ...limit, id: 'one', window: 'PER_TRANSACTION', time_zone: undefined, cap: '10000' }
    assert.deepEqual(legsBy([one]), [])
    assert.deepEqual(outcomeBy([one], { amountMinor: 10_001n }), {
      kind: 'exceeded',
      excess: { limitId: 'one', cap: 10_000n, used: 10_001n },
    })
  })

  it('name their scopes in the Ledger’s characters, no two alike', () => {
    const anyName = fc.string({ unit: 'binary', maxLength: 12 })
    fc.assert(
      fc.property(anyName, anyName, (left, right) => {
        assert.match(encodeScopeKey(left), /^[A-Za-z0-9._~:@-]*$/)
        assert.equal(encodeScopeKey(left) === encodeScopeKey(right), left === right)
      }),
    )
    assert.equal(encodeScopeKey('users/ü:~'), 'users:~C3~BC~3A~7E')
  })
})
