import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import {
  AddKeyRequest,
  type Client,
  ClientServiceService as Service,
  CreateClientRequest,
  DisableClientRequest,
  EnableClientRequest,
  GetClientRequest,
  ListClientsRequest,
  RemoveKeyRequest,
  RotateSecretRequest,
  UpdateClientRequest,
} from '../../../gen/paymesh/identity/v1/client_service.js'
import { openSecret } from '../clients/client-secret.js'
import { parseKeyName } from '../clients/client.js'
import { ExpiredRows } from '../expired-rows.js'
import { assertFails, type CallAs, type Failure, TestIdentity } from '../test/harness.js'
import { check, clientAdmin, newClient, newKeyOf, signed } from '../test/signed-requests.js'

const admin: CallAs = { claims: clientAdmin }
const nobody = 'clients/0198c0de-0000-7000-8000-000000000000'
const dayMs = 24 * 60 * 60_000

const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
const notFound: Failure = { reason: 'CLIENT_NOT_FOUND', code: 'NOT_FOUND', metadata: { client: nobody } }
const reused = (requestId: string): Failure => ({
  reason: 'REQUEST_ID_REUSED',
  code: 'ALREADY_EXISTS',
  metadata: { request_id: requestId },
})
const tooMany: Failure = { reason: 'TOO_MANY_KEYS', code: 'FAILED_PRECONDITION', metadata: { most: '10' } }

type Given<T extends { fromPartial: (given: never) => unknown }> = Parameters<T['fromPartial']>[0]

describe('ClientService', () => {
  let identity: TestIdentity
  before(async () => {
    identity = await TestIdentity.start()
  })
  after(() => identity.stop())

  const shop = { displayName: 'Shop', permissions: ['intents:write'] }
  const create = (given: Given<typeof CreateClientRequest>, as = admin) =>
    identity.call(Service.createClient, CreateClientRequest.fromPartial(given), as)
  const get = async (name: string) =>
    (await identity.call(Service.getClient, GetClientRequest.fromPartial({ name }), admin)).client!
  const update = async (given: Given<typeof UpdateClientRequest>) =>
    (await identity.call(Service.updateClient, UpdateClientRequest.fromPartial(given), admin)).client!
  const rotate = (name: string, given: Given<typeof RotateSecretRequest> = {}) =>
    identity.call(
      Service.rotateSecret,
      RotateSecretRequest.fromPartial({ name, requestId: randomUUID(), ...given }),
      admin,
    )
  const remove = (name: string) => identity.call(Service.removeKey, RemoveKeyRequest.fromPartial({ name }), admin)
  const disable = async (name: string) =>
    (await identity.call(Service.disableClient, DisableClientRequest.fromPartial({ name }), admin)).client!
  const enable = async (name: string) =>
    (await identity.call(Service.enableClient, EnableClientRequest.fromPartial({ name }), admin)).client!
  const passes = async (key: { keyId: string; secret: string }) =>
    (await check(identity, signed(key, identity.clock.nowMs()))).status === 200

  describe('CreateClient', () => {
    it('answers the client and its secret, which is stored sealed and is shown by nothing else', async () => {
      const requestId = randomUUID()
      const client = { ...shop, mayActFor: ['*'], networks: ['192.0.2.0/24'] }
      const made = await create({ requestId, client })
      assert.match(made.secret, /^pmsec_[A-Za-z0-9+/]{43}=$/)
      const { name, keys, createTime, etag, state, ...rest } = made.client!
      assert.deepEqual(rest, client)
      assert.match(name, /^clients\/[0-9a-f-]{36}$/)
      assert.deepEqual([etag, state, keys.length, keys[0]?.algorithm], ['"1"', 1, 1, 1])
      assert.equal(Number(createTime!.seconds), Math.floor(identity.clock.nowMs() / 1000))
      assert.deepEqual(await get(name), made.client)
      const { rows } = await identity.pool.query<{ row: string; wrapping_key_id: string; sealed: Buffer }>(
        'select t::text as row, wrapping_key_id, sealed from client_keys t',
      )
      const bytes = Buffer.from(made.secret.slice(6), 'base64')
      assert.ok(rows.every(({ row }) => !row.includes(bytes.toString('hex')) && !row.includes(made.secret)))
      const stored = rows.at(-1)!
      const ids = parseKeyName(keys[0]!.name)
      assert.ok('value' in ids)
      const wrapped = { keyId: stored.wrapping_key_id, sealed: stored.sealed }
      assert.deepEqual(openSecret(identity.parts.keyring, ids.value, wrapped).reveal(), bytes)
      assert.throws(() => openSecret(identity.parts.keyring, { ...ids.value, clientId: ids.value.id }, wrapped))
    })

    it('answers the same request with the client as it now is and no secret, and refuses another', async () => {
      const requestId = randomUUID()
      const first = await create({ requestId, client: shop })
      await disable(first.client!.name)
      const again = await create({ requestId, client: shop })
      assert.deepEqual([again.secret, again.client], ['', await get(first.client!.name)])
      await assertFails(create({ requestId, client: { ...shop, displayName: 'Other' } }), reused(requestId))
      const other = await create({ requestId, client: shop }, { peer: 'operator' })
      assert.notEqual(other.client!.name, first.client!.name, 'the request id is its caller’s')
    })

    it('creates once when asked ten times at once, and tells one caller the secret', async () => {
      const requestId = randomUUID()
      const made = await Promise.all(Array.from({ length: 10 }, () => create({ requestId, client: shop })))
      assert.equal(new Set(made.map(({ client }) => client!.name)).size, 1)
      assert.equal(made.filter(({ secret }) => secret !== '').length, 1)
    })

    const user = 'users/0198c0de-0000-7000-8000-0123456789ab'
    const cases: [string, Given<typeof CreateClientRequest>, string[]][] = [
      ['nothing', {}, ['request_id', 'client']],
      ['an empty client', { requestId: 'x', client: {} }, ['client.display_name', 'client.permissions']],
      [
        'a name too long',
        { requestId: 'x', client: { ...shop, displayName: 'x'.repeat(64) } },
        ['client.display_name'],
      ],
      ['a name with a break', { requestId: 'x', client: { ...shop, displayName: 'a\nb' } }, ['client.display_name']],
      ...['roles:admin', 'clients:admin', 'wallet:fly', ''].map((permission): (typeof cases)[number] => [
        `the permission ${JSON.stringify(permission)}`,
        { requestId: 'x', client: { ...shop, permissions: [permission] } },
        ['client.permissions'],
      ]),
      [
        'a permission twice',
        { requestId: 'x', client: { ...shop, permissions: ['intents:write', 'intents:write'] } },
        ['client.permissions'],
      ],
      ['a star beside a user', { requestId: 'x', client: { ...shop, mayActFor: ['*', user] } }, ['client.may_act_for']],
      ['a client to act for', { requestId: 'x', client: { ...shop, mayActFor: [nobody] } }, ['client.may_act_for']],
      ['an address', { requestId: 'x', client: { ...shop, networks: ['192.0.2.1'] } }, ['client.networks']],
      [
        'too many networks',
        { requestId: 'x', client: { ...shop, networks: Array<string>(101).fill('10.0.0.0/8') } },
        ['client.networks'],
      ],
      [
        'what is the service’s to say',
        {
          requestId: 'x',
          client: { ...shop, name: nobody, state: 1, keys: [{}], createTime: { seconds: 1n }, etag: '"1"' },
        },
        ['client.name', 'client.state', 'client.keys', 'client.create_time', 'client.etag'],
      ],
    ]
    for (const [name, request, fields] of cases) {
      it(`says INVALID_FIELD to ${name}`, async () => {
        await assertFails(create(request), invalid(...fields))
      })
    }

    it('is for who administers clients', async () => {
      const claims = { sub: clientAdmin.sub, permissions: ['roles:admin'] }
      await assert.rejects(create({ requestId: 'x', client: shop }, { claims }), { reason: 'PERMISSION_MISSING' })
    })
  })

  describe('UpdateClient', () => {
    let client: Client
    beforeEach(async () => {
      ;({ client } = await newClient(identity))
    })

    it('changes what the mask names, also to nothing', async () => {
      const { name } = client
      const more = await update({ client: { name, networks: ['10.0.0.0/8'], mayActFor: ['*'] } })
      assert.deepEqual([more.networks, more.mayActFor, more.displayName], [['10.0.0.0/8'], ['*'], 'Shop'])
      const mask = ['networks', 'display_name', 'name']
      const less = await update({ client: { name, displayName: 'Till' }, updateMask: mask })
      assert.deepEqual([less.networks, less.mayActFor, less.displayName, less.etag], [[], ['*'], 'Till', '"3"'])
    })

    it('holds for the next request', async () => {
      const { client: other, key } = await newClient(identity)
      await update({ client: { name: other.name, networks: ['10.0.0.0/8'] } })
      assert.equal((await check(identity, signed(key, identity.clock.nowMs()))).status, 401)
      await update({
        client: { name: other.name, permissions: ['wallet:read'] },
        updateMask: ['networks', 'permissions'],
      })
      const { subject } = await check(identity, signed(key, identity.clock.nowMs()))
      assert.deepEqual(subject?.permissions, new Set(['wallet:read']))
    })

    it('lets one of ten changes through that read the same etag', async () => {
      const { name, etag } = client
      const changes = Array.from({ length: 10 }, (_, at) =>
        update({ client: { name, etag, displayName: `No. ${at}` } }),
      )
      const settled = await Promise.allSettled(changes)
      assert.equal(settled.filter((one) => one.status === 'fulfilled').length, 1)
    })

    const changed = (): Failure => ({ reason: 'CLIENT_CHANGED', code: 'ABORTED', metadata: { client: client.name } })
    const cases: [string, () => Given<typeof UpdateClientRequest>, () => Failure][] = [
      ['nothing', () => ({}), () => invalid('client.name')],
      ['no name at all', () => ({ client: { name: 'x' } }), () => invalid('client.name')],
      [
        'a mask of something else',
        () => ({ client: { name: client.name }, updateMask: ['state'] }),
        () => invalid('update_mask'),
      ],
      [
        'a name masked away',
        () => ({ client: { name: client.name }, updateMask: ['*'] }),
        () => invalid('client.display_name', 'client.permissions'),
      ],
      ['an unknown client', () => ({ client: { name: nobody, displayName: 'x', etag: '"9"' } }), () => notFound],
      ['another etag', () => ({ client: { name: client.name, displayName: 'x', etag: '"9"' } }), changed],
      ['an etag of nobody’s', () => ({ client: { name: client.name, etag: 'x' } }), changed],
    ]
    for (const [name, request, failure] of cases) {
      it(`refuses ${name}`, async () => {
        await assertFails(update(request()), failure())
      })
    }
  })

  it('lists every client once, oldest first, with its keys', async () => {
    for (let at = 0; at < 9; at++) await newClient(identity)
    const seen: Client[] = []
    let pageToken = ''
    do {
      const request = ListClientsRequest.fromPartial({ pageSize: 4, pageToken })
      const page = await identity.call(Service.listClients, request, admin)
      seen.push(...page.clients)
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    const { rows } = await identity.pool.query<{ id: string }>('select id from clients order by id')
    assert.ok(rows.length > 4)
    assert.deepEqual(
      seen.map(({ name }) => name),
      rows.map(({ id }) => `clients/${id}`),
    )
    assert.ok(seen.every(({ name, keys }) => keys.length > 0 && keys.every((key) => key.name.startsWith(name))))
    const wrong = ListClientsRequest.fromPartial({ pageSize: -1, pageToken: 'x' })
    await assertFails(identity.call(Service.listClients, wrong, admin), invalid('page_size', 'page_token'))
  })

  it('disables and enables, each once', async () => {
    const { client } = await newClient(identity)
    assert.deepEqual([client.state, client.etag], [1, '"1"'])
    for (const _ of [1, 2]) {
      const { state, etag } = await disable(client.name)
      assert.deepEqual([state, etag], [2, '"2"'])
    }
    for (const _ of [1, 2]) {
      const { state, etag } = await enable(client.name)
      assert.deepEqual([state, etag], [1, '"3"'])
    }
    for (const call of [get, disable, enable]) {
      await assertFails(call('clients/x'), invalid('name'))
      await assertFails(call(nobody), notFound)
    }
  })

  describe('RotateSecret', () => {
    it('lets both secrets sign until the overlap is over, then the new one alone', async () => {
      const { client, key } = await newClient(identity)
      const { key: made, secret } = await rotate(client.name)
      const next = { keyId: made!.name, secret }
      const old = key as typeof next
      assert.deepEqual([await passes(old), await passes(next)], [true, true])
      identity.clock.advance(dayMs - 1000)
      assert.deepEqual([await passes(old), await passes(next)], [true, true])
      identity.clock.advance(1000)
      assert.deepEqual([await passes(old), await passes(next)], [false, true])
    })

    it('ends the old secret at once without an overlap, lengthens no life, and leaves public keys', async () => {
      const { client, key } = await newClient(identity)
      for (const change of [
        () => newKeyOf(identity, client),
        () => rotate(client.name, { overlap: { seconds: 62n } }),
        () => rotate(client.name, { overlap: { seconds: 3600n } }),
      ]) {
        // The keys of one millisecond are in no order.
        identity.clock.advance(1000)
        await change()
      }
      const ends = async () =>
        (await get(client.name)).keys.map(({ expireTime }) =>
          expireTime === undefined ? undefined : Number(expireTime.seconds) - Math.floor(identity.clock.nowMs() / 1000),
        )
      assert.deepEqual(await ends(), [61, undefined, 3600, undefined])
      identity.clock.advance(1000)
      await rotate(client.name, { overlap: {} })
      assert.deepEqual(await ends(), [0, undefined, 0, 0, undefined])
      assert.ok(!(await passes(key as { keyId: string; secret: string })))
    })

    it('answers the same request without the secret, and refuses another', async () => {
      const { client } = await newClient(identity)
      const requestId = randomUUID()
      const first = await rotate(client.name, { requestId })
      const again = await rotate(client.name, { requestId })
      assert.deepEqual([again.secret, again.key], ['', first.key])
      await assertFails(rotate(client.name, { requestId, overlap: { seconds: 1n } }), reused(requestId))
      assert.equal((await get(client.name)).keys.length, 2)
    })

    it('of ten at once under one request id makes one secret; of five under five, one without an end', async () => {
      const { client } = await newClient(identity)
      const requestId = randomUUID()
      const same = await Promise.all(Array.from({ length: 10 }, () => rotate(client.name, { requestId })))
      assert.equal(same.filter(({ secret }) => secret !== '').length, 1)
      await Promise.all(Array.from({ length: 5 }, () => rotate(client.name)))
      const { keys } = await get(client.name)
      assert.equal(keys.length, 7)
      assert.equal(keys.filter(({ expireTime }) => expireTime === undefined).length, 1)
    })

    it('makes no more than ten that have not ended', async () => {
      const { client } = await newClient(identity)
      for (let at = 0; at < 9; at++) await rotate(client.name)
      await assertFails(rotate(client.name), tooMany)
      const { keys } = await get(client.name)
      await remove(keys[0]!.name)
      await rotate(client.name)
      identity.clock.advance(dayMs)
      await rotate(client.name)
      identity.clock.advance(32 * dayMs)
      const expired = new ExpiredRows({ stores: [identity.parts.clientKeys], clock: identity.clock, log: identity.log })
      await expired.sweep()
      await expired.stop()
      assert.equal((await get(client.name)).keys.length, 1)
    })

    const month = { seconds: BigInt(30 * 24 * 3600) }
    const cases: [string, Given<typeof RotateSecretRequest>, Failure][] = [
      ['nothing', { name: '', requestId: '' }, invalid('name', 'request_id')],
      ['a longer overlap', { name: nobody, overlap: { ...month, nanos: 1_000_000 } }, invalid('overlap')],
      ['a negative overlap', { name: nobody, overlap: { seconds: -1n } }, invalid('overlap')],
      ['an unknown client', { name: nobody, overlap: month }, notFound],
    ]
    for (const [name, request, failure] of cases) {
      it(`says ${failure.reason} to ${name}`, async () => {
        await assertFails(rotate('', request), failure)
      })
    }
  })

  describe('AddKey and RemoveKey', () => {
    const add = (given: Given<typeof AddKeyRequest>) =>
      identity.call(Service.addKey, AddKeyRequest.fromPartial(given), admin)

    it('add a public key once, and remove it once', async () => {
      const { client } = await newClient(identity)
      const { keyId, publicKey } = await newKeyOf(identity, client)
      const again = await Promise.all([1, 2, 3].map(() => add({ parent: client.name, publicKey })))
      assert.deepEqual([...new Set(again.map(({ key }) => key!.name))], [keyId])
      const second = (await get(client.name)).keys.find(({ algorithm }) => algorithm === 2)
      assert.deepEqual([second?.name, Buffer.from(second!.publicKey)], [keyId, publicKey])
      await remove(keyId)
      assert.equal((await get(client.name)).keys.length, 1)
      await assertFails(remove(keyId), { reason: 'KEY_NOT_FOUND', code: 'NOT_FOUND', metadata: { key: keyId } })
      await assertFails(remove(client.name), invalid('name'))
    })

    it('add no more than ten, however many at once', async () => {
      const { client } = await newClient(identity)
      const added = await Promise.allSettled(Array.from({ length: 15 }, () => newKeyOf(identity, client)))
      assert.equal(added.filter((one) => one.status === 'fulfilled').length, 9)
      await assertFails(newKeyOf(identity, client), tooMany)
    })

    const publicKey = Buffer.alloc(32, 7)
    const cases: [string, Given<typeof AddKeyRequest>, Failure][] = [
      ['nothing', {}, invalid('parent', 'public_key')],
      ['a key cut short', { parent: nobody, publicKey: publicKey.subarray(1) }, invalid('public_key')],
      ['a key of zeros', { parent: nobody, publicKey: Buffer.alloc(32) }, invalid('public_key')],
      ['an end that is over', { parent: nobody, publicKey, expireTime: { seconds: 1n } }, invalid('expire_time')],
      ['an unknown client', { parent: nobody, publicKey }, notFound],
    ]
    for (const [name, request, failure] of cases) {
      it(`say ${failure.reason} to ${name}`, async () => {
        await assertFails(add(request), failure)
      })
    }
  })
})
