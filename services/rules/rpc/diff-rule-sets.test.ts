import assert from 'node:assert/strict'
import { DiffRuleSetsRequest, RuleSetServiceService } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { documentOf, fails, Operators, route } from '../test/operators.js'

describe('DiffRuleSets', () => {
  let operators: Operators
  before(async () => {
    operators = await Operators.start()
  })
  after(() => operators.stop())

  const diff = async (before: string, after: string) =>
    (await operators.call(RuleSetServiceService.diffRuleSets, DiffRuleSetsRequest.fromPartial({ before, after })))
      .differences

  it('lists rules and settings that are not the same, whatever their order', async () => {
    const other = { ...route, id: 'other' }
    const { name: before } = await operators.put({ ...documentOf(1), routes: [route, other] })
    const risk = { rules: [], deny_at: 500 }
    const { name: after } = await operators.create({ ...documentOf(2), routes: [other], risk })
    const [{ ...fee }] = documentOf(1).fees as [object]
    assert.deepEqual(await diff(before, after), [
      { place: 'fees.service', before: fee, after: { ...fee, flat_minor: '2' } },
      { place: 'risk.deny_at', before: null, after: 500 },
      { place: 'routes.p2p', before: route, after: null },
    ])
    assert.deepEqual(await diff(after, after), [])
  })

  it('says what it cannot find', async () => {
    const { name } = await operators.create(documentOf(1))
    await fails(diff('', 'x'), ['INVALID_ARGUMENT', 'INVALID_FIELD', 'before', 'after'])
    await fails(diff('ruleSets/99', name), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])
    await fails(diff(name, 'ruleSets/99'), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])
  })
})
