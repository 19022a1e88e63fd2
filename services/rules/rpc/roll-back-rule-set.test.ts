import assert from 'node:assert/strict'
import { RollBackRuleSetRequest, RuleSetServiceService } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { eventually } from '../../../dev/eventually.js'
import { readNewestVersion } from '../store.js'
import { ann, ben, type CallAs, documentOf, fails, Operators } from '../test/operators.js'

describe('RollBackRuleSet', () => {
  let operators: Operators
  beforeEach(async () => {
    operators = await Operators.start()
    for (const feeMinor of [1, 2, 3]) await operators.put(documentOf(feeMinor))
  })
  afterEach(() => operators.stop())

  const rollBack = (name: string, replacedVersion: bigint, as: CallAs = ann, reason = 'too dear') =>
    operators.call(
      RuleSetServiceService.rollBackRuleSet,
      RollBackRuleSetRequest.fromPartial({ name, replacedVersion, reason }),
      as,
    )

  it('publishes an earlier document as a new version', async () => {
    const { ruleSet, differences } = await rollBack('ruleSets/1', 3n)
    assert.deepEqual([ruleSet?.version, ruleSet?.rolledBackTo, ruleSet?.reason], [4n, 1n, 'too dear'])
    assert.deepEqual([ruleSet?.author, ruleSet?.publisher], [ann.user, ann.user])
    assert.deepEqual(
      differences.map(({ place }) => place),
      ['fees.service'],
    )
    await eventually(() => operators.replica.published.newest?.version === 4n)
  })

  it('makes one version of one request sent many times, and does not undo what came after', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => rollBack('ruleSets/1', 3n)))
    assert.deepEqual(new Set(answers.map(({ ruleSet }) => ruleSet?.version)), new Set([4n]))
    await operators.put(documentOf(9))
    assert.equal((await rollBack('ruleSets/1', 3n)).ruleSet?.version, 4n)
    assert.equal(await readNewestVersion(operators.pool), 5n)
  })

  it('says each reason in order, having published nothing', async () => {
    const invalid = (...fields: string[]) => ['INVALID_ARGUMENT', 'INVALID_FIELD', ...fields] as const
    await fails(rollBack('', 0n, ann, ''), invalid('name', 'replaced_version', 'reason'))
    const { name } = await operators.create(documentOf(1))
    await fails(rollBack(name, 3n), invalid('name'))
    await fails(rollBack('ruleSets/9', 2n), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])
    const outdated = await fails(rollBack('ruleSets/1', 2n, ben), ['ABORTED', 'BASE_VERSION_OUTDATED'])
    assert.deepEqual(outdated.metadata, { rule_set_version: '3' })
    await fails(rollBack('ruleSets/3', 3n), ['FAILED_PRECONDITION', 'NOTHING_TO_PUBLISH'])
    await fails(rollBack('ruleSets/1', 3n, { ...ann, permissions: ['rules:write'] }), [
      'PERMISSION_DENIED',
      'PERMISSION_MISSING',
    ])
    assert.equal(await readNewestVersion(operators.pool), 3n)
  })
})
