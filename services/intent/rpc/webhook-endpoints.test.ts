import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import {
  type WebhookDelivery,
  WebhookDeliveryState,
  type WebhookEndpoint,
} from '../../../gen/paymesh/intent/v1/webhook.js'
import {
  CreateWebhookEndpointRequest,
  ListWebhookDeliveriesRequest,
  UpdateWebhookEndpointRequest,
  WebhookServiceService,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { assertFails, type ExpectedFailure } from '../test/assert-fails.js'
import { type TestMesh } from '../test/mesh.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { MisbehavingServer } from '../test/misbehaving-server.js'
import { until } from '../test/mesh-process.js'
import { sharedIntent, sharedMesh } from '../test/shared-mesh.js'
import { endpointsMax } from '../webhooks/webhook.js'

const service = WebhookServiceService
const permissions = ['webhooks:write', 'intents:write', 'wallet:write']
const mia: As = { user: 'hook-mia', permissions }
const eve: As = { user: 'hook-eve', permissions }
const unknown = 'webhookEndpoints/0190a000-0000-7000-8000-00000000dead'
const invalid = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT' } as const

describe('WebhookService', () => {
  const server = new MisbehavingServer()
  let mesh: TestMesh
  let intent: TestIntent

  before(async function () {
    this.timeout(60_000)
    mesh = await sharedMesh()
    intent = await sharedIntent()
    await server.start()
  })
  afterEach(async () => {
    await mesh.pool.query('delete from webhook_endpoints')
    server.received.length = 0
  })
  after(() => server.stop())

  async function create(endpoint: Partial<WebhookEndpoint> = {}, as: As = mia, requestId: string = randomUUID()) {
    const request = CreateWebhookEndpointRequest.fromPartial({
      requestId,
      endpoint: { url: server.url('/ok'), ...endpoint },
    })
    const { message, headers } = await intent.call(service.createWebhookEndpoint, request, as)
    return {
      endpoint: message.endpoint!,
      secret: message.secret,
      isReplay: headers.get('idempotent-replay').length > 0,
    }
  }

  async function update(endpoint: Partial<WebhookEndpoint>, mask?: string[], as: As = mia): Promise<WebhookEndpoint> {
    const request = { ...UpdateWebhookEndpointRequest.fromPartial({ endpoint }), updateMask: mask }
    return (await intent.call(service.updateWebhookEndpoint, request, as)).message.endpoint!
  }

  const get = async (name: string, as: As = mia) =>
    (await intent.call(service.getWebhookEndpoint, { name }, as)).message.endpoint!
  const list = async (pageSize = 0, pageToken = '', as: As = mia) =>
    (await intent.call(service.listWebhookEndpoints, { pageSize, pageToken }, as)).message
  const remove = async (name: string, as: As = mia) => {
    await intent.call(service.deleteWebhookEndpoint, { name }, as)
  }
  const rotate = async (name: string, as: As = mia, seconds?: bigint) =>
    (
      await intent.call(
        service.rotateWebhookSecret,
        { name, overlap: seconds === undefined ? undefined : { seconds, nanos: 0 } },
        as,
      )
    ).message
  const deliveries = async (parent: string, change: Partial<ListWebhookDeliveriesRequest> = {}, as: As = mia) =>
    (
      await intent.call(
        service.listWebhookDeliveries,
        ListWebhookDeliveriesRequest.fromPartial({ parent, ...change }),
        as,
      )
    ).message
  const replay = async (name: string, as: As = mia): Promise<WebhookDelivery> =>
    (await intent.call(service.replayWebhookDelivery, { name }, as)).message.delivery!

  function verifies(index: number, secret: string): boolean {
    const { headers, body } = server.received[index]!
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
    const wanted = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
    return String(headers['webhook-signature']).split(' ').includes(wanted)
  }

  it('tells of a payment, signed with the secret that was shown once', async () => {
    const { endpoint, secret } = await create({ eventTypes: ['paymesh.intent.settled.v1'] })
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    const payer = await intent.wallet('hook-mia', 100_000n)
    const payee = await intent.wallet('hook-ben')
    await until(() => server.received.length === 1, 'the funding of the wallet is told of')
    const { message } = await intent.pay('hook-mia', paymentRequest(payer, payee, 1_000n))
    await until(() => server.received.length === 2, 'the payment is told of')
    const event = JSON.parse(server.received[1]!.body) as { subject: string; type: string; id: string }
    assert.deepEqual([event.subject, event.type], [message.name, 'paymesh.intent.settled.v1'])
    assert.ok(verifies(1, secret))
    const rotated = await rotate(endpoint.name)
    assert.notEqual(rotated.secret, secret)
    assert.ok(rotated.endpoint?.secretOverlapEndTime !== undefined)
    const found = (await deliveries(endpoint.name)).deliveries
    assert.deepEqual(found.map(({ subject }) => subject)[0], message.name)
    await until(
      async () => (await deliveries(endpoint.name, { state: WebhookDeliveryState.DELIVERED })).deliveries.length === 2,
      'both are noted',
    )
    assert.equal((await replay(found[0]!.name)).state, WebhookDeliveryState.PENDING)
    await until(() => server.received.length === 3, 'it is sent again')
    assert.equal(server.received[2]!.headers['webhook-id'], server.received[1]!.headers['webhook-id'])
    assert.ok(verifies(2, secret) && verifies(2, rotated.secret))
    const { endpoint: alone } = await rotate(endpoint.name, mia, 0n)
    assert.equal((await get(endpoint.name)).etag, alone?.etag)
  })

  it('shows a secret once: never again, to nobody, and not in the database', async () => {
    const requestId = randomUUID()
    const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => create({}, mia, requestId)))
    const made = [first!, ...others].filter(({ secret }) => secret !== '')
    assert.equal(made.length, 1)
    assert.equal(others.length + 1 - made.length, [first!, ...others].filter(({ isReplay }) => isReplay).length)
    assert.deepEqual(new Set([first!, ...others].map(({ endpoint }) => endpoint.name)).size, 1)
    const { endpoint, secret } = made[0]!
    const seen = inspect([await get(endpoint.name), await get(endpoint.name, operator), await list()], { depth: 9 })
    assert.ok(!seen.includes(secret.slice(6)))
    const { rows } = await mesh.pool.query<{ sealed: Buffer }>('select sealed from webhook_secrets')
    assert.ok(rows.length > 0 && rows.every(({ sealed }) => !sealed.includes(Buffer.from(secret.slice(6), 'base64'))))
    for (const change of [{ url: server.url('/500') }, { disabled: true }, { displayName: 'x' }]) {
      const metadata = { request_id: requestId }
      await assertFails(create(change, mia, requestId), {
        reason: 'REQUEST_ID_REUSED',
        code: 'ALREADY_EXISTS',
        metadata,
      })
    }
    assert.notEqual((await create({}, eve, requestId)).endpoint.name, endpoint.name)
  })

  it('changes what the mask names, and with an etag only what was read', async () => {
    const { endpoint } = await create({ displayName: 'shop', eventTypes: ['paymesh.intent.settled.v1'] })
    const { name } = endpoint
    const disabled = await update({ name, disabled: true })
    assert.deepEqual(disabled, { ...endpoint, disabled: true, etag: '"2"' })
    const changed = await update({ name, url: server.url('/500'), etag: '"2"' }, ['url', 'disabled', 'event_types'])
    const expected = { ...endpoint, url: server.url('/500'), eventTypes: [], etag: '"3"' }
    assert.deepEqual(changed, expected)
    const metadata = { endpoint: name }
    const stale = { reason: 'WEBHOOK_ENDPOINT_CHANGED', code: 'ABORTED', metadata } as const
    await assertFails(update({ name, displayName: 'x', etag: '"2"' }), stale)
    await assertFails(update({ name, etag: '"2"' }), stale)
    assert.deepEqual(await get(name), expected)
  })

  it("lists the caller's, page by page; for operators everybody's; and forgets what is deleted", async () => {
    const made = [await create(), await create(), await create()].map(({ endpoint }) => endpoint)
    made.sort((a, b) => (a.name < b.name ? -1 : 1))
    const other = await create({}, eve)
    assert.deepEqual(await list(), { endpoints: made, nextPageToken: '' })
    const first = await list(2)
    assert.deepEqual([...first.endpoints, ...(await list(2, first.nextPageToken)).endpoints], made)
    assert.ok((await list(1000, '', operator)).endpoints.some(({ name }) => name === other.endpoint.name))
    await assertFails(list(1, first.nextPageToken, eve), { ...invalid, fields: ['page_token'] })
    await remove(made[0]!.name)
    assert.deepEqual((await list()).endpoints, made.slice(1))
  })

  it('pages deliveries, newest first', async () => {
    const { endpoint } = await create({ url: server.url('/500') })
    await mesh.pool.query(
      `insert into webhook_deliveries (id, endpoint_id, event_id, event_type, intent_id, sequence, body, state, due_time,
         give_up_time, create_time, complete_time)
       select ('0190a000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, n::text, 't', gen_random_uuid(), 1, '',
         'DEAD', now(), now(), now(), now() from generate_series(1, 5) n`,
      [endpoint.name.split('/')[1]],
    )
    const ids: string[] = []
    let pageToken = ''
    do {
      const page = await deliveries(endpoint.name, { pageSize: 2, pageToken, state: WebhookDeliveryState.DEAD })
      ids.push(...page.deliveries.map(({ eventId }) => eventId))
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    assert.deepEqual(ids, ['5', '4', '3', '2', '1'])
    assert.deepEqual((await deliveries(endpoint.name, { state: WebhookDeliveryState.PENDING })).deliveries, [])
  })

  it('an owner has a bounded number of them, however many are asked for at once', async () => {
    const results = await Promise.allSettled(Array.from({ length: endpointsMax + 5 }, () => create()))
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, endpointsMax)
    const failure = { reason: 'TOO_MANY_WEBHOOK_ENDPOINTS', code: 'FAILED_PRECONDITION' } as const
    await assertFails(create(), { ...failure, metadata: { most: String(endpointsMax) } })
    await create({}, eve)
  })

  it('refuses addresses that are not to be reached, and what is malformed', async () => {
    const urls = [
      '',
      'example.com',
      'ftp://example.com/',
      'https://user:pass@example.com/',
      'https://example.com/#here',
      `https://example.com/${'x'.repeat(2048)}`,
      'https://10.0.0.1/',
      'https://169.254.169.254/latest/meta-data/',
      'https://0/',
      'https://[::1]/',
      'https://[::ffff:10.0.0.1]/',
      'http://0x0a000001/',
    ]
    for (const url of urls) await assertFails(create({ url }), { ...invalid, fields: ['endpoint.url'] })
    const wrong = {
      url: 'x',
      displayName: 'x'.repeat(64),
      eventTypes: ['paymesh.magic'],
      name: 'x',
      owner: 'x',
      etag: 'x',
    }
    const fields = ['url', 'display_name', 'event_types', 'name', 'owner', 'etag'].map((field) => `endpoint.${field}`)
    await assertFails(create(wrong, mia, ''), { ...invalid, fields: ['request_id', ...fields] })
    const { name } = (await create()).endpoint
    await assertFails(update({ name, url: 'https://10.0.0.1/' }), { ...invalid, fields: ['endpoint.url'] })
    await assertFails(update({ name }, ['owner']), { ...invalid, fields: ['update_mask'] })
    await assertFails(rotate(name, mia, 8n * 86_400n), { ...invalid, fields: ['overlap'] })
    await assertFails(rotate(name, mia, -1n), { ...invalid, fields: ['overlap'] })
    const state = 9 as WebhookDeliveryState
    const listed = deliveries(name, { pageSize: 1001, pageToken: 'x', state })
    await assertFails(listed, { ...invalid, fields: ['page_size', 'state', 'page_token'] })
  })

  it('fails, in this order', async () => {
    const { name } = (await create()).endpoint
    const missing = `${name}/deliveries/0190a000-0000-7000-8000-00000000dead`
    const calls: [string, (name: string, as: As) => Promise<unknown>, string, boolean][] = [
      ['get', get, 'name', true],
      ['update', (of, as) => update({ name: of }, undefined, as), 'endpoint.name', false],
      ['delete', remove, 'name', true],
      ['rotate', rotate, 'name', false],
      ['deliveries', (of, as) => deliveries(of, {}, as), 'parent', true],
      ['replay', (of, as) => replay(of === 'x' ? of : `${of}/deliveries/${missing.split('/')[3]}`, as), 'name', true],
    ]
    const fails = async (what: string, call: Promise<unknown>, expected: ExpectedFailure) => {
      await assertFails(call, expected).catch((error: unknown) => {
        throw new Error(what, { cause: error })
      })
    }
    for (const [what, call, field, isForOperators] of calls) {
      const peer: As = isForOperators ? { peer: 'connector' } : operator
      await fails(what, call('x', peer), { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' })
      await fails(what, call('x', { anonymous: true }), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
      await fails(what, call('x', { user: 'hook-mia' }), { reason: 'PERMISSION_MISSING', code: 'PERMISSION_DENIED' })
      await fails(what, call('x', mia), { ...invalid, fields: [field] })
      const metadata = { endpoint: unknown }
      await fails(what, call(unknown, mia), { reason: 'WEBHOOK_ENDPOINT_NOT_FOUND', code: 'NOT_FOUND', metadata })
      await fails(what, call(name, eve), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    }
    const notFound = { reason: 'WEBHOOK_DELIVERY_NOT_FOUND', code: 'NOT_FOUND' } as const
    await assertFails(replay(missing), { ...notFound, metadata: { delivery: missing } })
    await assertFails(create({}, operator), { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' })
    await assertFails(create({}, { user: 'hook-mia' }), { reason: 'PERMISSION_MISSING', code: 'PERMISSION_DENIED' })
  })
})
