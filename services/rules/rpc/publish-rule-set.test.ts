import assert from 'node:assert/strict'
import { RuleSet } from '../../../gen/paymesh/rules/v1/rule_set.js'
import {
  PublishRuleSetRequest,
  RuleSetServiceService,
  UpdateRuleSetRequest,
} from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { eventually } from '../../../dev/eventually.js'
import { readNewestVersion } from '../store.js'
import { ann, ben, type CallAs, documentOf, fails, Operators } from '../test/operators.js'

const cleo: CallAs = { user: 'users/0198c0de-0000-7000-8000-0000000000cc', permissions: ['rules:publish'] }

describe('PublishRuleSet', () => {
  let operators: Operators
  beforeEach(async () => {
    operators = await Operators.start()
  })
  afterEach(() => operators.stop())

  const publish = (request: Partial<PublishRuleSetRequest>, as: CallAs = ben) =>
    operators.call(RuleSetServiceService.publishRuleSet, PublishRuleSetRequest.fromPartial(request), as)
  const newest = () => readNewestVersion(operators.pool)

  it('publishes what another person wrote, says what it changes, and is in force without a restart', async () => {
    await operators.put(documentOf(1))
    const { name, etag } = await operators.create(documentOf(2))
    const { ruleSet, differences } = await publish({ name, etag, reason: 'costs rose' })
    assert.deepEqual([ruleSet?.name, ruleSet?.version, ruleSet?.document], ['ruleSets/2', 2n, undefined])
    assert.deepEqual([ruleSet?.author, ruleSet?.publisher, ruleSet?.reason], [ann.user, ben.user, 'costs rose'])
    assert.deepEqual(
      differences.map(({ place }) => place),
      ['fees.service'],
    )
    await eventually(() => operators.replica.published.newest?.version === 2n)
  })

  it('publishes once, however often and by how many it is asked', async () => {
    const { name, etag } = await operators.create(documentOf(1))
    const callers = [ben, cleo, ben, cleo, ben, cleo]
    const answers = await Promise.all(callers.map((as) => publish({ name, etag, reason: 'r' }, as)))
    assert.deepEqual(new Set(answers.map(({ ruleSet }) => ruleSet?.name)), new Set(['ruleSets/1']))
    assert.equal((await publish({ name, etag, reason: 'r' })).ruleSet?.version, 1n)
    assert.equal(await newest(), 1n)
  })

  it('publishes one of several drafts on the same version', async () => {
    const drafts = await Promise.all([1, 2, 3, 4].map((feeMinor) => operators.create(documentOf(feeMinor))))
    const settled = await Promise.allSettled(drafts.map((draft) => operators.publish(draft)))
    const refused = settled.filter((one) => one.status === 'rejected')
    assert.equal(refused.length, 3)
    for (const { reason } of refused) {
      const error = await fails(Promise.reject(reason as Error), ['ABORTED', 'BASE_VERSION_OUTDATED'])
      assert.deepEqual(error.metadata, { rule_set_version: '1' })
    }
    assert.equal(await newest(), 1n)
  })

  it('never lets somebody publish what they wrote or changed', async () => {
    const draft = await operators.create(documentOf(1))
    const { name, etag } = draft
    await fails(publish({ name, etag, reason: 'mine' }, ann), ['FAILED_PRECONDITION', 'SECOND_PERSON_NEEDED'])
    const ruleSet = RuleSet.fromPartial({ name, etag, document: { ...documentOf(2) } })
    const request = UpdateRuleSetRequest.fromPartial({ ruleSet, updateMask: ['document'] })
    const changed = (await operators.call(RuleSetServiceService.updateRuleSet, request, ben)).ruleSet!
    const now = { name, etag: changed.etag, reason: 'ours' }
    for (const as of [ann, ben]) await fails(publish(now, as), ['FAILED_PRECONDITION', 'SECOND_PERSON_NEEDED'])
    assert.equal(await newest(), undefined)
    assert.deepEqual((await publish(now, cleo)).ruleSet?.contributors, [ann.user, ben.user])
  })

  it('says each reason in order, having published nothing', async () => {
    const base = await operators.put(documentOf(1))
    const invalid = (...fields: string[]) => ['INVALID_ARGUMENT', 'INVALID_FIELD', ...fields] as const
    await fails(publish({}), invalid('name', 'etag', 'reason'))
    await fails(publish({ name: base.name, etag: '"1"', reason: ' ' }), invalid('name', 'reason'))
    const nobody = 'ruleSets/0198c0de-0000-7000-8000-000000005e55'
    await fails(publish({ name: nobody, etag: '"1"', reason: 'r' }), ['NOT_FOUND', 'RULE_SET_NOT_FOUND'])
    const stale = await operators.create({ routes: 'none' }, ann, { baseVersion: 7n })
    const { name, etag } = stale
    await fails(publish({ name, etag: '"9"', reason: 'r' }, ann), ['ABORTED', 'ETAG_MISMATCH'])
    await fails(publish({ name, etag, reason: 'r' }, ann), ['FAILED_PRECONDITION', 'SECOND_PERSON_NEEDED'])
    await fails(publish({ name, etag, reason: 'r' }), ['ABORTED', 'BASE_VERSION_OUTDATED'])
    const broken = await operators.create({ routes: 'none', fees: [] })
    const error = await fails(operators.publish(broken), ['FAILED_PRECONDITION', 'RULE_SET_INVALID'])
    assert.match(error.metadata['problem'] ?? '', /^routes: /)
    const same = await operators.create(documentOf(1))
    await fails(operators.publish(same), ['FAILED_PRECONDITION', 'NOTHING_TO_PUBLISH'])
    const writer = { ...ben, permissions: ['rules:write'] }
    await fails(operators.publish(same, writer), ['PERMISSION_DENIED', 'PERMISSION_MISSING'])
    assert.equal(await newest(), 1n)
  })
})
