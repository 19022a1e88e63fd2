import assert from 'node:assert/strict'
import { Facts } from '../../../gen/paymesh/rules/v1/decision.js'
import {
  ExpressionResult,
  RuleSetServiceService,
  TryExpressionRequest,
} from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { fails, Operators } from '../test/operators.js'

const { BOOL, INT, STRING } = ExpressionResult

const facts = Facts.fromPartial({
  operationType: 'P2P_TRANSFER',
  amount: { assetCode: 'THB', minorUnits: 2n ** 62n },
  payer: { party: 'wallets/a', owner: 'users/a' },
  payee: { party: 'wallets/b' },
  time: { seconds: 1_767_225_600n },
})

describe('TryExpression', () => {
  let operators: Operators
  before(async () => {
    operators = await Operators.start()
  })
  after(() => operators.stop())

  const attempt = (expression: string, result: ExpressionResult, on?: Facts) => {
    const request = TryExpressionRequest.fromPartial({ expression, result, facts: on })
    return operators.call(RuleSetServiceService.tryExpression, request)
  }

  it('evaluates what has no problems', async () => {
    const { value } = await attempt('amount > 5 && payer.owner != payee.owner', BOOL, facts)
    assert.deepEqual(value, { $case: 'boolValue', boolValue: true })
    const amount = await attempt('bps(amount, 1, "half_even")', INT, facts)
    assert.deepEqual(amount.value, { $case: 'intValue', intValue: 461_168_601_842_739n })
    const text = await attempt('payer.owner + "/" + asset', STRING, facts)
    assert.deepEqual(text.value, { $case: 'stringValue', stringValue: 'users/a/THB' })
  })

  it('only checks without facts', async () => {
    assert.deepEqual(await attempt('amount > 5', BOOL), { problems: [], value: undefined, failure: '' })
    assert.deepEqual((await attempt('amount > 5.0', BOOL)).problems, ['has a floating-point number; amounts are ints'])
  })

  it('says why there is no value on these facts', async () => {
    const answer = await attempt('amount * 3', INT, facts)
    assert.deepEqual([answer.problems, answer.value], [[], undefined])
    assert.match(answer.failure, /overflow/)
  })

  it('refuses every malformed field by name', async () => {
    const invalid = (...fields: string[]) => ['INVALID_ARGUMENT', 'INVALID_FIELD', ...fields] as const
    await fails(attempt('', ExpressionResult.UNSPECIFIED), invalid('expression', 'result'))
    await fails(attempt('true', BOOL, { ...facts, operationType: 'x' }), invalid('facts.operation_type'))
  })
})
