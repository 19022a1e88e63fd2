import assert from 'node:assert/strict'
import { RuleSetServiceService, ValidateRuleSetRequest } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { documentOf, fails, Operators, route } from '../test/operators.js'

describe('ValidateRuleSet', () => {
  let operators: Operators
  before(async () => {
    operators = await Operators.start()
  })
  after(() => operators.stop())

  const validate = async (source: ValidateRuleSetRequest['source']) =>
    (await operators.call(RuleSetServiceService.validateRuleSet, ValidateRuleSetRequest.fromPartial({ source })))
      .problems
  const problemsOf = (document: object) => validate({ $case: 'document', document: { ...document } })

  it('finds nothing wrong with what may be published, stored or not', async () => {
    assert.deepEqual(await problemsOf(documentOf(1)), [])
    const { name } = await operators.put(documentOf(1))
    assert.deepEqual(await validate({ $case: 'name', name }), [])
  })

  it('names the place of each problem', async () => {
    const broken = { ...route, condition: 'amout > 1' }
    const negative = { ...documentOf(1).fees[0], flat_minor: '0', amount: 'amount - 5' }
    assert.deepEqual(await problemsOf({ routes: [broken], fees: [negative] }), [
      { place: 'routes.p2p.condition', description: 'names the unknown variable amout' },
      {
        place: 'fees.service.amount',
        description:
          'comes to -4 on facts without metadata, tags and signals, amount 1; it must come to more than zero',
      },
    ])
    const { name } = await operators.create({ routes: [] })
    const [problem, ...others] = await validate({ $case: 'name', name })
    assert.deepEqual([problem?.place, others], ['fees', []])
  })

  it('says each reason in order', async () => {
    const invalid = (field: string) => ['INVALID_ARGUMENT', 'INVALID_FIELD', field] as const
    await fails(validate(undefined), invalid('source'))
    await fails(validate({ $case: 'name', name: 'ruleSets/x' }), invalid('name'))
    await fails(problemsOf({ text: 'x'.repeat(1_048_577) }), invalid('document'))
    await fails(validate({ $case: 'name', name: 'ruleSets/99' }), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])
  })

  it('turns away more than it can try', async () => {
    const settled = await Promise.allSettled(Array.from({ length: 120 }, () => problemsOf(documentOf(1))))
    const refused = settled.filter((one) => one.status === 'rejected')
    assert.ok(refused.length > 0 && refused.length < 120)
    for (const { reason } of refused) {
      await fails(Promise.reject(reason as Error), ['RESOURCE_EXHAUSTED', 'OVERLOADED'])
    }
    assert.deepEqual(await problemsOf(documentOf(1)), [])
  })
})
