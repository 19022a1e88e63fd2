import assert from 'node:assert/strict'
import { Facts } from '../../../gen/paymesh/rules/v1/decision.js'
import { DecideRequest } from '../../../gen/paymesh/rules/v1/decision_service.js'
import { type DryRunComparison, DryRunRuleSetRequest } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { eventually } from '../../../dev/eventually.js'
import { readNewestVersion } from '../store.js'
import { documentOf, fails, Operators, route } from '../test/operators.js'

const facts = (minorUnits: bigint, operationType = 'P2P_TRANSFER') =>
  Facts.fromPartial({
    operationType,
    amount: { assetCode: 'THB', minorUnits },
    payer: { party: 'wallets/a', owner: 'users/a' },
    payee: { party: 'wallets/b' },
    time: { seconds: 1_767_225_600n },
  })

describe('DryRunRuleSet', () => {
  let operators: Operators
  before(async () => {
    operators = await Operators.start()
  })
  after(() => operators.stop())

  const run = async (request: Parameters<typeof DryRunRuleSetRequest.fromPartial>[0]) => {
    const messages = await operators.dryRun(DryRunRuleSetRequest.fromPartial(request))
    const comparisons: DryRunComparison[] = []
    for (const { result } of messages.slice(0, -1)) {
      assert.ok(result?.$case === 'comparison')
      comparisons.push(result.comparison)
    }
    const last = messages.at(-1)?.result
    assert.ok(last?.$case === 'summary')
    return { comparisons, summary: last.summary }
  }

  it('says that nothing is published, after the fields and the rule set', async () => {
    const { name } = await operators.create(documentOf(1))
    const given = { name, facts: [facts(1n)] }
    await fails(run({ ...given, name: 'ruleSets/9' }), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])
    await fails(run(given), ['FAILED_PRECONDITION', 'NOTHING_PUBLISHED'])
  })

  it('compares a draft with the version in force, payment by payment, and publishes nothing', async () => {
    await operators.put(documentOf(250))
    const dearer = documentOf(300)
    const failing = { ...route, id: 'a', condition: 'amount * 2 > 5000' }
    const { name } = await operators.create({ ...dearer, routes: [failing] })
    const payments = [facts(5000n), facts(1n), facts(2n ** 62n), facts(1n, 'REFUND')]
    const { comparisons, summary } = await run({ name, facts: payments })
    assert.deepEqual(summary, { count: 4, differentCount: 3, againstVersion: 1n })
    assert.deepEqual(
      comparisons.map(({ differences }) => differences),
      [
        ['fees.service: PRE 250 to accounts/fees.THB, then PRE 300 to accounts/fees.THB'],
        [
          'channel: INTERNAL_P2P, then none',
          'fees.service: PRE 250 to accounts/fees.THB, then none',
          'refusal: none, then NO_ROUTE',
          'risk: ALLOW, score 0, then none',
        ],
        [
          'channel: INTERNAL_P2P, then none',
          'failed rule: none, then a',
          'fees.service: PRE 250 to accounts/fees.THB, then none',
          'risk: ALLOW, score 0, then none',
        ],
        [],
      ],
    )
    const [first, , third] = comparisons
    assert.deepEqual(first?.facts, payments[0])
    assert.deepEqual([first?.before?.decision?.ruleSetVersion, first?.after?.decision?.ruleSetVersion], [1n, 0n])
    assert.equal(first?.after?.decision?.fees[0]?.amount?.minorUnits, 300n)
    assert.ok(third?.after?.failedRule === 'a')
    assert.match(third.after.failure, /overflow/)
    assert.equal(await readNewestVersion(operators.pool), 1n)
  })

  it('decides what was recorded of payments, the newest first', async () => {
    const client = operators.replica.client('intent')
    await eventually(() => operators.replica.published.newest !== undefined)
    for (const minorUnits of [1n, 2n, 3n]) await client.decide(DecideRequest.fromPartial({ facts: facts(minorUnits) }))
    await eventually(async () => {
      const { rows } = await operators.pool.query<{ count: bigint }>('select count(*) from recorded_facts')
      return rows[0]?.count === 3n
    })
    const { name } = await operators.create(documentOf(300))
    const { comparisons, summary } = await run({ name, recordedCount: 2 })
    assert.deepEqual(
      comparisons.map((one) => one.facts?.amount?.minorUnits),
      [3n, 2n],
    )
    assert.deepEqual(summary, { count: 2, differentCount: 2, againstVersion: 1n })
  })

  it('says each reason in order', async () => {
    const { name } = await operators.create({ routes: 'none' })
    const invalid = (...fields: string[]) => ['INVALID_ARGUMENT', 'INVALID_FIELD', ...fields] as const
    await fails(run({ name: 'x', againstVersion: -1n }), invalid('name', 'against_version', 'facts'))
    await fails(run({ name, facts: [facts(1n)], recordedCount: 1 }), invalid('facts'))
    await fails(run({ name, recordedCount: 10_001 }), invalid('recorded_count'))
    await fails(run({ name, facts: [facts(1n), facts(0n)] }), invalid('facts[1].amount.minor_units'))
    await fails(run({ name, facts: Array.from({ length: 1001 }, () => facts(1n)) }), invalid('facts'))
    await fails(run({ name, facts: [facts(1n)], againstVersion: 9n }), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])
    await fails(run({ name, facts: [facts(1n)] }), ['FAILED_PRECONDITION', 'RULE_SET_INVALID'])
  })
})
