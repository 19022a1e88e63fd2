import assert from 'node:assert/strict'
import { RuleSetState } from '../../../gen/paymesh/rules/v1/rule_set.js'
import { ListRuleSetsRequest, RuleSetServiceService } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { documentOf, fails, Operators } from '../test/operators.js'

describe('ListRuleSets', () => {
  let operators: Operators
  let newestFirst: string[]
  before(async () => {
    operators = await Operators.start()
    const one = await operators.put(documentOf(1))
    const draft = await operators.create(documentOf(2))
    const two = await operators.put(documentOf(3))
    const other = await operators.create(documentOf(4))
    newestFirst = [other, two, draft, one].map(({ name }) => name)
  })
  after(() => operators.stop())

  const list = (request: Parameters<typeof ListRuleSetsRequest.fromPartial>[0]) =>
    operators.call(RuleSetServiceService.listRuleSets, ListRuleSetsRequest.fromPartial(request))
  const names = async (request: Parameters<typeof ListRuleSetsRequest.fromPartial>[0]) =>
    (await list(request)).ruleSets.map(({ name }) => name)

  it('lists drafts and versions, newest first, without documents; a published draft is its version', async () => {
    const { ruleSets, nextPageToken } = await list({})
    assert.deepEqual([ruleSets.map(({ name }) => name), nextPageToken], [newestFirst, ''])
    assert.ok(ruleSets.every(({ document }) => document === undefined))
    assert.deepEqual(
      ruleSets.map(({ version }) => version),
      [0n, 2n, 0n, 1n],
    )
  })

  it('walks page by page, and by state', async () => {
    const walked: string[] = []
    let pageToken = ''
    do {
      const page = await list({ pageSize: 1, pageToken })
      walked.push(...page.ruleSets.map(({ name }) => name))
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    assert.deepEqual(walked, newestFirst)
    assert.deepEqual(await names({ state: RuleSetState.PUBLISHED }), ['ruleSets/2', 'ruleSets/1'])
    assert.deepEqual(await names({ state: RuleSetState.DRAFT }), [newestFirst[0], newestFirst[2]])
  })

  it('refuses every malformed field by name', async () => {
    const invalid = (field: string) => ['INVALID_ARGUMENT', 'INVALID_FIELD', field] as const
    await fails(list({ pageSize: -1 }), invalid('page_size'))
    await fails(list({ pageSize: 1001 }), invalid('page_size'))
    await fails(list({ state: 9 as RuleSetState }), invalid('state'))
    await fails(list({ pageToken: 'hello' }), invalid('page_token'))
    const { nextPageToken } = await list({ pageSize: 1 })
    await fails(list({ pageToken: nextPageToken, state: RuleSetState.DRAFT }), invalid('page_token'))
  })
})
