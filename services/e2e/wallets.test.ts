import assert from 'node:assert/strict'
import { z } from 'zod'
import { type Api, type Person, errorInfo, newPerson, walletShape } from './api.js'
import { theMesh } from './mesh-under-test.js'
import { type RefusedCase, refuses } from './refusals.js'

const unknownWallet = 'wallets/01900000-0000-7000-8000-000000000000'
const long = 'x'.repeat(5000)
const stateShape = walletShape.extend({ state: z.string(), displayName: z.string().default(''), etag: z.string() })

describe('wallets through the edge', () => {
  let alice: Person
  let bob: Person
  let operator: Api

  before(async () => {
    const mesh = await theMesh()
    operator = mesh.operator
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    await operator.fund(alice.wallet, 100_00n)
  })

  it('are renamed, frozen, unfrozen and closed', async () => {
    const { name } = await bob.api.createWallet('THB')
    const update = { displayName: 'Rent' }
    const renamed = await bob.api.ok('PATCH', `/v1/${name}`, update, 'wallet', stateShape)
    assert.deepEqual([renamed.displayName, renamed.etag], ['Rent', '"2"'])
    const change = async (verb: string) =>
      (await operator.ok('POST', `/v1/${name}:${verb}`, { reason: 'test' }, 'wallet', stateShape)).state
    assert.equal(await change('freeze'), 'WALLET_STATE_FROZEN')
    assert.equal((await alice.api.pay(alice.wallet, name, 1_00n)).failure?.reason, 'ACCOUNT_CLOSED')
    assert.equal(await change('unfreeze'), 'WALLET_STATE_ACTIVE')
    const closed = await bob.api.ok('POST', `/v1/${name}:close`, {}, 'wallet', stateShape)
    assert.equal(closed.state, 'WALLET_STATE_CLOSED')
  })

  it('have transactions, by page and as CSV', async () => {
    const { name } = await alice.api.pay(alice.wallet, bob.wallet, 10_00n)
    const path = `/v1/${bob.wallet}/transactions?pageSize=1&direction=TRANSACTION_DIRECTION_IN`
    const shape = z.array(z.object({ intent: z.string(), total: z.object({ minorUnits: z.string() }) }).loose())
    const [first] = await bob.api.ok('GET', path, undefined, 'transactions', shape)
    assert.deepEqual([first?.intent, first?.total.minorUnits], [name, '1000'])
    const response = await fetch(`${bob.api.url}/v1/${bob.wallet}:statement`, {
      headers: { authorization: `Bearer ${bob.api.token}` },
    })
    assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8; header=present')
    assert.match(
      await response.text(),
      new RegExp(`^time,.*\\r\\n(.*\\r\\n)*[^,]*,${name},P2P_TRANSFER,POSTED,IN,10\\.00,`),
    )
    const refused = await alice.api.send('GET', `/v1/${bob.wallet}:statement`)
    assert.equal(errorInfo(refused).reason, 'NOT_OWNER')
  })

  it('refuse bad input', async () => {
    const invalid = { status: 400, reason: 'INVALID_FIELD' }
    const get = { ...invalid, method: 'GET' }
    const own = `/v1/${alice.wallet}`
    const reason = 'because'
    const frozen = ['freeze', 'unfreeze'].flatMap((verb): RefusedCase[] => [
      {
        ...invalid,
        name: `${verb} without a reason`,
        caller: operator,
        path: `${own}:${verb}`,
        body: {},
        field: 'reason',
      },
      {
        ...invalid,
        name: `${verb} at length`,
        caller: operator,
        path: `${own}:${verb}`,
        body: { reason: long },
        field: 'reason',
      },
      {
        ...invalid,
        name: `${verb} 7`,
        caller: operator,
        path: `/v1/wallets/7:${verb}`,
        body: { reason },
        field: 'name',
      },
      {
        name: `${verb} an unknown wallet`,
        caller: operator,
        path: `/v1/${unknownWallet}:${verb}`,
        body: { reason },
        status: 404,
        reason: 'WALLET_NOT_FOUND',
      },
      {
        name: `${verb} by its owner`,
        path: `${own}:${verb}`,
        body: { reason },
        status: 403,
        reason: 'PERMISSION_MISSING',
      },
    ])
    const patch = { ...invalid, method: 'PATCH', path: own }
    await refuses(alice.api, [
      ...frozen,
      { ...patch, name: 'an overlong name', body: { displayName: long }, field: 'wallet.display_name' },
      { ...patch, name: 'an empty label', body: { labels: { '': 'x' } }, field: 'wallet.labels' },
      {
        ...patch,
        name: 'another owner',
        path: `${own}?updateMask=owner`,
        body: { owner: bob.name },
        field: 'update_mask',
      },
      { ...patch, name: 'an old etag', body: { displayName: 'x', etag: '"9"' }, status: 409, reason: 'WALLET_CHANGED' },
      {
        ...patch,
        name: 'of somebody else',
        path: `/v1/${bob.wallet}`,
        body: { displayName: 'x' },
        status: 403,
        reason: 'NOT_OWNER',
      },
      { name: 'closing with money', path: `${own}:close`, body: {}, status: 400, reason: 'WALLET_NOT_EMPTY' },
      { name: 'closing somebody else’s', path: `/v1/${bob.wallet}:close`, body: {}, status: 403, reason: 'NOT_OWNER' },
      { ...invalid, name: 'closing 7', path: '/v1/wallets/7:close', body: {}, field: 'name' },
      { ...get, name: 'transactions of 7', path: '/v1/wallets/7/transactions', field: 'parent' },
      { ...get, name: 'a huge page', path: `${own}/transactions?pageSize=1001`, field: 'page_size' },
      { ...get, name: 'a made-up token', path: `${own}/transactions?pageToken=x`, field: 'page_token' },
      {
        ...get,
        name: 'a direction that is none',
        path: `${own}/transactions?direction=UP`,
        reason: 'MALFORMED_REQUEST',
      },
      { ...get, name: 'an empty period', path: `${own}/transactions?end_time=1970-01-01T00:00:00Z`, field: 'end_time' },
      { ...get, name: 'a statement of 7', path: '/v1/wallets/7:statement', field: 'name' },
      {
        ...get,
        name: 'a statement of an unknown wallet',
        path: `/v1/${unknownWallet}:statement`,
        status: 404,
        reason: 'WALLET_NOT_FOUND',
      },
    ])
  })
})
