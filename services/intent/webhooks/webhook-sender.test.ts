import assert from 'node:assert/strict'
import { AddressGuard } from './address-guard.js'
import { MisbehavingServer } from '../test/misbehaving-server.js'
import { until } from '../test/mesh-process.js'
import { type Address, type SendOutcome, type SenderDeps, sendMessage } from './webhook-sender.js'

const loopback = new AddressGuard([{ address: '127.0.0.1', prefix: 32 }])
const never = new AbortController().signal

describe('sending a webhook', () => {
  const server = new MisbehavingServer()

  before(() => server.start())
  beforeEach(() => {
    server.received.length = 0
  })
  after(() => server.stop())

  function deps(change: Partial<SenderDeps> = {}): SenderDeps {
    const resolve = () => Promise.resolve([{ address: '127.0.0.1' }])
    return { resolve, guard: loopback, httpsOnly: false, timeoutMs: 5_000, ...change }
  }

  function send(url: string, change: Partial<SenderDeps> = {}, stop = never): Promise<SendOutcome> {
    return sendMessage(deps(change), { url, headers: { 'webhook-id': 'evt_1' }, body: '{"ä":1}' }, stop)
  }

  const ways: [string, Partial<SenderDeps>, SendOutcome][] = [
    ['/ok', {}, { kind: 'delivered', status: 204 }],
    ['/huge', {}, { kind: 'delivered', status: 200 }],
    ['/cut', {}, { kind: 'delivered', status: 200 }],
    ['/dripping', { timeoutMs: 300 }, { kind: 'delivered', status: 200 }],
    ['/500', {}, { kind: 'failed', failure: 'STATUS_REFUSED', status: 500 }],
    ['/redirect', {}, { kind: 'failed', failure: 'STATUS_REFUSED', status: 307 }],
    ['/elsewhere', {}, { kind: 'failed', failure: 'STATUS_REFUSED', status: 404 }],
    ['/reset', {}, { kind: 'failed', failure: 'CONNECTION_FAILED', status: undefined }],
    ['/nothing', {}, { kind: 'failed', failure: 'CONNECTION_FAILED', status: undefined }],
    ['/headers', {}, { kind: 'failed', failure: 'CONNECTION_FAILED', status: undefined }],
    ['/slow', { timeoutMs: 200 }, { kind: 'failed', failure: 'TIMEOUT', status: undefined }],
  ]
  for (const [path, change, expected] of ways) {
    it(`to ${path} is ${expected.kind} ${expected.kind === 'failed' ? expected.failure : ''}`, async () => {
      assert.deepEqual(await send(server.url(path), change), expected)
      assert.deepEqual(
        server.received.map((each) => each.path),
        [path],
        'no redirect is followed, nothing is repeated',
      )
      await until(() => server.connections === 0, 'no connection is left')
    })
  }

  it('says whole what it sends, and to whom', async () => {
    await send(server.url('/ok?a=b', 'hooks.example.com'))
    const [received] = server.received
    assert.equal(received?.body, '{"ä":1}')
    assert.equal(received.headers.host, `hooks.example.com:${server.port}`)
    assert.equal(received.headers['content-length'], '8')
    assert.equal(received.headers['webhook-id'], 'evt_1')
  })

  it('connects to the very address that was looked at: a name is resolved once', async () => {
    let lookups = 0
    const resolve = (): Promise<Address[]> => {
      lookups += 1
      return Promise.resolve([{ address: lookups === 1 ? '127.0.0.1' : '10.0.0.1' }])
    }
    assert.equal((await send(server.url('/ok', 'rebind.example.com'), { resolve })).kind, 'delivered')
    assert.equal(lookups, 1)
  })

  it('reaches no address that is refused, by name, by number or in disguise', async () => {
    const guard = new AddressGuard([])
    const hosts = [
      '127.0.0.1',
      '0.0.0.0',
      '127.1',
      '0x7f000001',
      '2130706433',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::]',
      'hook.example.com',
    ]
    for (const host of hosts) {
      assert.deepEqual(
        await send(server.url('/ok', host), { guard }),
        { kind: 'failed', failure: 'ADDRESS_REFUSED', status: undefined },
        host,
      )
    }
    const resolve = () => Promise.resolve([{ address: '127.0.0.1' }, { address: '169.254.169.254' }])
    const mixed = await send(server.url('/ok', 'mixed.example.com'), { resolve })
    assert.deepEqual(mixed, { kind: 'failed', failure: 'ADDRESS_REFUSED', status: undefined })
    assert.deepEqual(server.received, [])
  })

  it('needs HTTPS where it is asked for', async () => {
    const refused = { kind: 'failed', failure: 'ADDRESS_REFUSED', status: undefined } as const
    assert.deepEqual(await send(server.url('/ok'), { httpsOnly: true }), refused)
    const plain = await send(`https://127.0.0.1:${server.port}/ok`, { httpsOnly: true })
    assert.deepEqual(plain, { kind: 'failed', failure: 'CONNECTION_FAILED', status: undefined })
    assert.deepEqual(server.received, [])
  })

  it('gives up on names that nobody knows, or that take too long to learn', async () => {
    const unknown = () => Promise.reject(new Error('ENOTFOUND'))
    const slow = () => new Promise<never>(() => undefined)
    const failed = { kind: 'failed', status: undefined } as const
    assert.deepEqual(await send('http://x.example.com/', { resolve: unknown }), {
      ...failed,
      failure: 'NAME_NOT_RESOLVED',
    })
    assert.deepEqual(await send('http://x.example.com/', { resolve: slow, timeoutMs: 50 }), {
      ...failed,
      failure: 'TIMEOUT',
    })
  })

  it('stops when it is told to, and claims nothing', async () => {
    const stop = new AbortController()
    const sending = send(server.url('/slow'), {}, stop.signal)
    await until(() => server.received.length === 1, 'it is under way')
    stop.abort()
    assert.deepEqual(await sending, { kind: 'stopped' })
  })
})
