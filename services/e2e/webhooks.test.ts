import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { z } from 'zod'
import { type Api, newPerson, type Person, signIn } from './api.js'
import { type MeshUnderTest, theMesh } from './mesh-under-test.js'
import { refuses } from './refusals.js'

const endpointShape = z.looseObject({ name: z.string(), url: z.string(), etag: z.string() })
const madeShape = z.object({ endpoint: endpointShape, secret: z.string().default('') })
const unknown = 'webhookEndpoints/01900000-0000-7000-8000-000000000000'

describe('webhooks through the edge', () => {
  let mesh: MeshUnderTest
  let shop: Api
  let wallet: string
  let alice: Person
  let server: Server
  let url: string
  const received: { headers: IncomingHttpHeaders; body: string }[] = []

  before(async () => {
    mesh = await theMesh()
    alice = await newPerson(mesh.api)
    await mesh.operator.fund(alice.wallet, 100_00n)
    shop = await newMerchant()
    wallet = (await shop.createWallet('THB')).name
    server = createServer((request, response) => {
      let body = ''
      request.on('data', (data) => (body += String(data)))
      request.on('end', () => {
        received.push({ headers: request.headers, body })
        response.end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  })
  after(async () => {
    server.close()
    await once(server, 'close')
  })

  async function newMerchant(): Promise<Api> {
    const [email, password] = [`${randomUUID()}@example.com`, `pass ${randomUUID()}`]
    const user = await mesh.api.ok(
      'POST',
      '/v1/users',
      { user: { email }, password },
      'user',
      z.looseObject({ name: z.string() }),
    )
    await mesh.admin.ok('POST', '/v1/admin/grants', { user: user.name, role: 'merchant' }, 'grant', z.looseObject({}))
    return mesh.api.as((await signIn(mesh.api, email, password)).accessToken)
  }

  async function make(body: object): Promise<z.infer<typeof madeShape>> {
    const answer = await shop.send('POST', '/v1/webhookEndpoints', {
      requestId: randomUUID(),
      endpoint: { url },
      ...body,
    })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return madeShape.parse(answer.body)
  }

  it('a merchant is told of a payment, may see how it went, have it again, and change secret and address', async () => {
    const made = await make({})
    const { name } = made.endpoint
    const { name: payment } = await alice.api.pay(alice.wallet, wallet, 10_00n)
    await mesh.until('the event arrives', () => Promise.resolve(received.length > 0 || undefined))
    const { headers, body } = received[0]!
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
    const key = Buffer.from(made.secret.slice('whsec_'.length), 'base64')
    assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
    const event = z.looseObject({ subject: z.string(), data: z.looseObject({}) }).parse(JSON.parse(body))
    assert.equal(event.subject, payment)
    assert.ok(!('payerTotal' in event.data))

    const states = z.array(z.looseObject({ name: z.string(), state: z.string() }))
    const listed = () => shop.ok('GET', `/v1/${name}/deliveries`, undefined, 'deliveries', states)
    const delivered = await mesh.until('the delivery is noted', async () =>
      (await listed()).find(({ state }) => state === 'WEBHOOK_DELIVERY_STATE_DELIVERED'),
    )
    const rotated = madeShape.parse((await shop.send('POST', `/v1/${name}:rotateSecret`, { overlap: '60s' })).body)
    await shop.ok('POST', `/v1/${delivered.name}:replay`, {}, 'delivery', z.looseObject({}))
    await mesh.until('the event arrives again', () => Promise.resolve(received.length > 1 || undefined))
    assert.equal(received[1]!.headers['webhook-id'], headers['webhook-id'])
    assert.equal(String(received[1]!.headers['webhook-signature']).split(' ').length, 2)

    const patched = await shop.ok('PATCH', `/v1/${name}`, { displayName: 'Till' }, 'endpoint', endpointShape)
    assert.deepEqual([patched.url, patched.etag], [url, '"2"'])
    const enabled = `/v1/${name}?updateMask=disabled`
    await shop.ok('PATCH', enabled, { disabled: false }, 'endpoint', endpointShape)
    assert.equal((await shop.send('DELETE', `/v1/${name}`)).status, 200)
    assert.equal((await shop.send('GET', `/v1/${name}`)).status, 404)
    for (const file of mesh.logFiles()) {
      const log = readFileSync(file, 'utf8')
      for (const { secret } of [made, rotated]) assert.ok(!log.includes(secret.slice('whsec_'.length)), file)
    }
  })

  it('refuse bad input', async () => {
    const { endpoint } = await make({})
    const path = '/v1/webhookEndpoints'
    const own = `/v1/${endpoint.name}`
    const requestId = randomUUID()
    const invalid = { status: 400, reason: 'INVALID_FIELD' }
    const missing = { status: 404, reason: 'WEBHOOK_ENDPOINT_NOT_FOUND' }
    const get = { ...invalid, method: 'GET' }
    const create = { ...invalid, path }
    const address = (host: string) => ({ requestId, endpoint: { url: `https://${host}/` } })
    await refuses(shop, [
      { ...create, name: 'nothing', body: {}, field: 'endpoint' },
      { ...create, name: 'no request id', body: { endpoint: { url } }, field: 'request_id' },
      { ...create, name: 'no URL', body: { requestId, endpoint: {} }, field: 'endpoint.url' },
      { ...create, name: 'the cloud’s metadata', body: address('169.254.169.254'), field: 'endpoint.url' },
      { ...create, name: 'a private address', body: address('[fd00::1]'), field: 'endpoint.url' },
      { ...create, name: 'IPv4 in IPv6', body: address('[::ffff:10.0.0.1]'), field: 'endpoint.url' },
      {
        ...create,
        name: 'an event type that is none',
        body: { requestId, endpoint: { url, eventTypes: ['x'] } },
        field: 'endpoint.event_types',
      },
      {
        ...create,
        name: 'an owner',
        body: { requestId, endpoint: { url, owner: 'users/1' } },
        field: 'endpoint.owner',
      },
      { name: 'without the role', caller: alice.api, path, body: {}, status: 403, reason: 'PERMISSION_MISSING' },
      { ...get, name: 'a huge page', path: `${path}?pageSize=1001`, field: 'page_size' },
      { ...get, name: 'an endpoint 7', path: `${path}/7`, field: 'name' },
      { ...get, ...missing, name: 'an unknown endpoint', path: `/v1/${unknown}` },
      { ...invalid, method: 'PATCH', name: 'a bad URL', path: own, body: { url: 'x' }, field: 'endpoint.url' },
      {
        method: 'PATCH',
        name: 'an old etag',
        path: own,
        body: { displayName: 'x', etag: '"9"' },
        status: 409,
        reason: 'WEBHOOK_ENDPOINT_CHANGED',
      },
      { ...missing, method: 'DELETE', name: 'deleting an unknown endpoint', path: `/v1/${unknown}` },
      {
        ...invalid,
        name: 'too long an overlap',
        path: `${own}:rotateSecret`,
        body: { overlap: '999999s' },
        field: 'overlap',
      },
      { ...missing, name: 'another’s secret', path: `/v1/${unknown}:rotateSecret`, body: {} },
      { ...get, name: 'deliveries of 7', path: `${path}/7/deliveries`, field: 'parent' },
      { ...get, name: 'a made-up token', path: `${own}/deliveries?pageToken=x`, field: 'page_token' },
      { ...invalid, name: 'replaying 7', path: `${own}/deliveries/7:replay`, body: {}, field: 'name' },
      {
        name: 'replaying an unknown delivery',
        path: `${own}/deliveries/01900000-0000-7000-8000-000000000000:replay`,
        body: {},
        status: 404,
        reason: 'WEBHOOK_DELIVERY_NOT_FOUND',
      },
    ])
  })
})
