import assert from 'node:assert/strict'
import { RuleSet, RuleSetState } from '../../../gen/paymesh/rules/v1/rule_set.js'
import { CreateRuleSetRequest, RuleSetServiceService } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { ann, ben, type CallAs, documentOf, fails, type Failure, Operators } from '../test/operators.js'

describe('CreateRuleSet', () => {
  let operators: Operators
  before(async () => {
    operators = await Operators.start()
  })
  after(() => operators.stop())

  const request = (requestId: string, ruleSet: object) =>
    CreateRuleSetRequest.fromPartial({ requestId, ruleSet: RuleSet.fromPartial(ruleSet) })
  const create = (made: CreateRuleSetRequest, as?: CallAs) =>
    operators.answer(RuleSetServiceService.createRuleSet, made, as)

  it('makes a draft on the version in force', async () => {
    const draft = await operators.create(documentOf(100), ann, { description: 'dearer' })
    assert.match(draft.name, /^ruleSets\/[0-9a-f-]{36}$/)
    assert.deepEqual(draft.document, documentOf(100))
    assert.deepEqual([draft.state, draft.baseVersion, draft.version], [RuleSetState.DRAFT, 0n, 0n])
    assert.deepEqual([draft.author, draft.contributors, draft.description], [ann.user, [ann.user], 'dearer'])
    assert.deepEqual([draft.etag, draft.createTime], ['"1"', draft.updateTime])
    await operators.publish(draft)
    assert.equal((await operators.create(documentOf(1))).baseVersion, 1n)
    assert.equal((await operators.create(documentOf(1), ann, { baseVersion: 7n })).baseVersion, 7n)
  })

  it('keeps what could not be published', async () => {
    assert.deepEqual((await operators.create({ half: ['written', 1, null] })).document, { half: ['written', 1, null] })
  })

  it('answers one draft to one request id, whoever sends it how often, and each caller their own', async () => {
    const made = request('r1', { document: documentOf(2) })
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(made)))
    assert.equal(new Set(answers.map(({ answer }) => answer.ruleSet?.name)).size, 1)
    assert.equal(answers.filter(({ headers }) => headers.get('idempotent-replay').length === 0).length, 1)
    assert.notEqual((await create(made, ben)).answer.ruleSet?.name, answers[0]?.answer.ruleSet?.name)
    const other = request('r1', { document: documentOf(3) })
    assert.deepEqual((await fails(create(other), ['ALREADY_EXISTS', 'REQUEST_ID_REUSED'])).metadata, {
      request_id: 'r1',
    })
  })

  it('refuses every malformed field by name', async () => {
    const document = documentOf(1)
    const invalid = (...fields: string[]): Failure => ['INVALID_ARGUMENT', 'INVALID_FIELD', ...fields]
    const cases: [made: CreateRuleSetRequest, failure: Failure][] = [
      [CreateRuleSetRequest.fromPartial({}), invalid('request_id', 'rule_set')],
      [request('a b', { document }), invalid('request_id')],
      [request('x'.repeat(65), { document }), invalid('request_id')],
      [request('r', {}), invalid('rule_set.document')],
      [request('r', { document: { text: 'x'.repeat(1_048_577) } }), invalid('rule_set.document')],
      [request('r', { document: { text: 'a\0b' } }), invalid('rule_set.document')],
      [request('r', { document, description: 'x'.repeat(1001) }), invalid('rule_set.description')],
      [request('r', { document, baseVersion: -1n }), invalid('rule_set.base_version')],
      [request('r', { document, name: 'ruleSets/1' }), invalid('rule_set.name')],
      [request('r', { document, etag: '"1"' }), invalid('rule_set.etag')],
      [request('r', { document, state: RuleSetState.PUBLISHED }), invalid('rule_set.state')],
      [
        request('r', { document, author: 'users/x', contributors: ['users/x'], version: 1n, publisher: 'users/x' }),
        invalid('rule_set.author', 'rule_set.contributors', 'rule_set.version', 'rule_set.publisher'),
      ],
    ]
    for (const [made, failure] of cases) await fails(create(made), failure)
  })

  it('is for those who may write rules', async () => {
    const made = request('r', { document: documentOf(1) })
    await fails(create(made, { peer: 'edge' }), ['UNAUTHENTICATED', 'NOT_SIGNED_IN'])
    const publisher = { ...ann, permissions: ['rules:publish'] }
    await fails(create(made, publisher), ['PERMISSION_DENIED', 'PERMISSION_MISSING'])
    await fails(create(made, { peer: 'intent' }), ['PERMISSION_DENIED', 'PEER_NOT_ALLOWED'])
    assert.equal((await create(made, { peer: 'operator' })).answer.ruleSet?.author, 'peers/operator')
  })
})
