import assert from 'node:assert/strict'
import { RuleSet } from '../../../gen/paymesh/rules/v1/rule_set.js'
import { RuleSetServiceService, UpdateRuleSetRequest } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { ann, ben, type CallAs, documentOf, fails, Operators } from '../test/operators.js'

describe('UpdateRuleSet', () => {
  let operators: Operators
  before(async () => {
    operators = await Operators.start()
  })
  after(() => operators.stop())

  const update = async (ruleSet: object, updateMask?: string[], as: CallAs = ann) => {
    const request = UpdateRuleSetRequest.fromPartial({ ruleSet: RuleSet.fromPartial(ruleSet), updateMask })
    return (await operators.call(RuleSetServiceService.updateRuleSet, request, as)).ruleSet!
  }

  it('changes what the mask names, and makes who changes it a contributor', async () => {
    const { name, etag } = await operators.create(documentOf(1), ann, { description: 'one' })
    const renamed = await update({ name, etag, description: 'two' }, ['description'], ben)
    assert.deepEqual([renamed.description, renamed.document], ['two', documentOf(1)])
    assert.deepEqual([renamed.contributors, renamed.author], [[ann.user, ben.user], ann.user])
    assert.notEqual(renamed.etag, etag)
    const changed = await update({ name, etag: renamed.etag, document: documentOf(2) }, ['document.fees'])
    assert.deepEqual([changed.description, changed.document], ['two', documentOf(2)])
    assert.deepEqual(changed.contributors, [ann.user, ben.user])
    const all = await update({ name, etag: changed.etag, document: documentOf(3), baseVersion: 4n })
    assert.deepEqual([all.description, all.baseVersion, all.document], ['two', 4n, documentOf(3)])
    const cleared = await update({ name, etag: all.etag }, ['description'])
    assert.deepEqual([cleared.description, cleared.baseVersion, cleared.document], ['', 4n, documentOf(3)])
  })

  it('takes one of many changes at once', async () => {
    const { name, etag } = await operators.create(documentOf(1))
    const changes = Array.from({ length: 6 }, (_, index) => update({ name, etag, document: documentOf(index) }))
    const settled = await Promise.allSettled(changes)
    assert.equal(settled.filter((one) => one.status === 'fulfilled').length, 1)
    await fails(update({ name, etag, document: documentOf(9) }), ['ABORTED', 'ETAG_MISMATCH'])
  })

  it('says each reason in order', async () => {
    const draft = await operators.create(documentOf(1))
    const { name, etag } = draft
    const invalid = (...fields: string[]) => ['INVALID_ARGUMENT', 'INVALID_FIELD', ...fields] as const
    await fails(update({}), invalid('rule_set.name', 'rule_set.etag'))
    await fails(update({ name, etag }, ['document']), invalid('rule_set.document'))
    await fails(update({ name: 'ruleSets/1', etag, document: {} }), invalid('rule_set.name'))
    await fails(update({ name, etag, document: {} }, ['author']), invalid('update_mask'))
    await fails(update({ name, etag, document: {}, baseVersion: -1n }), invalid('rule_set.base_version'))
    const nobody = 'ruleSets/0198c0de-0000-7000-8000-000000005e55'
    await fails(update({ name: nobody, etag, document: {} }), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])
    await fails(update({ name, etag: '"9"', document: {} }), ['ABORTED', 'ETAG_MISMATCH'])
    await operators.publish(draft)
    await fails(update({ name, etag: '"9"', document: {} }), ['FAILED_PRECONDITION', 'RULE_SET_PUBLISHED'])
  })
})
