import assert from 'node:assert/strict'
import { RuleSetState } from '../../../gen/paymesh/rules/v1/rule_set.js'
import { GetRuleSetRequest, RuleSetServiceService } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { publishRuleSet } from '../publication.js'
import { ann, ben, documentOf, fails, Operators } from '../test/operators.js'

describe('GetRuleSet', () => {
  let operators: Operators
  before(async () => {
    operators = await Operators.start()
  })
  after(() => operators.stop())

  const get = async (name: string) =>
    (await operators.call(RuleSetServiceService.getRuleSet, GetRuleSetRequest.fromPartial({ name }))).ruleSet!

  it('answers a draft, and after publishing both the draft and the version', async () => {
    const draft = await operators.create(documentOf(1))
    assert.deepEqual(await get(draft.name), draft)
    await operators.publish(draft)
    const published = await get(draft.name)
    assert.deepEqual([published.state, published.version], [RuleSetState.PUBLISHED, 1n])
    const version = await get('ruleSets/1')
    assert.deepEqual([version.state, version.version, version.baseVersion], [RuleSetState.PUBLISHED, 1n, 0n])
    assert.deepEqual([version.author, version.contributors], [ann.user, [ann.user]])
    assert.deepEqual([version.publisher, version.reason, version.document], [ben.user, 'a test', documentOf(1)])
  })

  it('answers a version that the command published', async () => {
    await publishRuleSet(operators.pool, { document: documentOf(2), author: 'operator', reason: 'first' })
    const version = await get('ruleSets/2')
    assert.deepEqual([version.author, version.publisher, version.reason], ['operator', 'operator', 'first'])
  })

  it('says what it cannot find', async () => {
    for (const name of ['', 'ruleSets', 'ruleSets/x', 'ruleSets/0', 'ruleSets/-1', 'wallets/1', 'ruleSets/1/2']) {
      await fails(get(name), ['INVALID_ARGUMENT', 'INVALID_FIELD', 'name'], name)
    }
    for (const name of ['ruleSets/99', 'ruleSets/0198c0de-0000-7000-8000-000000005e55']) {
      assert.deepEqual((await fails(get(name), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])).metadata, { name })
    }
  })
})
