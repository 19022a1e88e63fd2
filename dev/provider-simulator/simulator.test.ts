import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../eventually.js'
import { type ProviderSimulator, startProviderSimulator } from './simulator.js'
import { type Behaviour, behaviours } from './script.js'

const key = 'the-key'
const callbackKey = Buffer.alloc(32, 7)
const callbackSecret = `whsec_${callbackKey.toString('base64')}`

interface Callback {
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly body: Readonly<Record<string, string>>
}

/** Who is called back. */
class Receiver {
  readonly callbacks: Callback[] = []
  /** Statuses of the next answers; 204 when there are none. */
  readonly statuses: number[] = []
  readonly #server: Server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      this.callbacks.push({ headers: request.headers, text, body: JSON.parse(text) as Record<string, string> })
      response.writeHead(this.statuses.shift() ?? 204).end()
    })
  })

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/callback`
  }
}

describe('the provider simulator', () => {
  const receiver = new Receiver()
  let simulator: ProviderSimulator
  let count = 0

  before(async () => {
    await receiver.start()
    simulator = await startProviderSimulator({ key, callbackSecret, retryDelaysMs: [5, 5, 5] })
  })
  beforeEach(() => {
    receiver.callbacks.length = 0
    receiver.statuses.length = 0
  })
  after(async () => {
    await simulator.stop()
    await receiver.stop()
  })

  function request(change: Record<string, unknown> = {}) {
    count += 1
    return {
      id: `transfer-${count}`,
      amount: '15025',
      currency: 'THB',
      destination: { bank_code: '014', account_number: `${count}` },
      callback_url: receiver.url,
      ...change,
    }
  }

  async function post(body: unknown, bearer = key, signal?: AbortSignal) {
    return await fetch(`${simulator.url}/v1/transfers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    })
  }

  async function get(id: string) {
    return await fetch(`${simulator.url}/v1/transfers/${id}`, { headers: { authorization: `Bearer ${key}` } })
  }

  async function statusOf(id: string): Promise<unknown> {
    const answer = await get(id)
    return answer.status === 404 ? 'UNKNOWN' : ((await answer.json()) as { status: string }).status
  }

  /** Posts to a destination of this behaviour; what comes is waited for at most 100 ms, as a caller's deadline has it. */
  async function play(behaviour: Behaviour, change: { times?: number; reason?: string } = {}) {
    const body = request()
    simulator.script(body.destination.account_number, { behaviour, delayMs: 10, ...change })
    const answer = await post(body, key, AbortSignal.timeout(100)).catch(() => undefined)
    const text = (await answer?.text()) ?? ''
    const status = text.startsWith('{') ? (JSON.parse(text) as { status?: string }).status : undefined
    return { body, http: answer?.status, status, text }
  }

  const called = async (times: number) => {
    await eventually(() => receiver.callbacks.length >= times)
    assert.equal(receiver.callbacks.length, times)
    return receiver.callbacks
  }

  it('takes a transfer, settles it soon and says so, signed', async () => {
    const body = request()
    simulator.script(body.destination.account_number, { behaviour: 'settle', delayMs: 10 })
    const answer = await post(body)
    assert.equal(answer.status, 202)
    const accepted = (await answer.json()) as { reference: string }
    const { id, amount, currency } = body
    assert.deepEqual(accepted, { id, reference: accepted.reference, status: 'ACCEPTED', amount, currency })
    const [callback] = await called(1)
    const { event_id, time, ...rest } = callback!.body
    assert.deepEqual(rest, { ...accepted, status: 'SETTLED' })
    assert.ok(Date.parse(time!) > 0)
    const {
      'webhook-id': messageId,
      'webhook-timestamp': timestamp,
      'webhook-signature': signature,
    } = callback!.headers
    assert.equal(messageId, event_id)
    const signed = createHmac('sha256', callbackKey).update(`${event_id!}.${String(timestamp)}.${callback!.text}`)
    assert.equal(signature, `v1,${signed.digest('base64')}`)
    assert.deepEqual(await (await get(id)).json(), { ...accepted, status: 'SETTLED' })
    const seen = () => simulator.transfers().find((one) => one.id === id)!
    await eventually(() => seen().callbacksDelivered === 1)
    assert.equal(seen().posts, 1)
  })

  it('pays an id once, and refuses it for another party or amount', async () => {
    const body = request()
    simulator.script(body.destination.account_number, { behaviour: 'settle-at-once' })
    const answers = await Promise.all(Array.from({ length: 5 }, async () => (await post(body)).text()))
    assert.equal(new Set(answers).size, 1)
    assert.equal((await post({ ...body, callback_url: `${receiver.url}/moved` })).status, 200)
    assert.equal((await post({ ...body, amount: '15026' })).status, 409)
    assert.equal((await post({ ...body, destination: { ...body.destination, account_number: 'x' } })).status, 409)
    assert.equal(simulator.transfers().filter(({ id }) => id === body.id).length, 1)
    assert.equal(simulator.posts(body.id), 8)
  })

  it('refuses what is malformed, unknown or without the key', async () => {
    const wrong = ['', '{', 'x'.repeat(70_000), {}, request({ amount: '1.5' }), request({ amount: '0' })]
    const others = [request({ amount: 5 }), request({ destination: {} }), request({ callback_url: 'file:///x' })]
    for (const body of [...wrong, ...others]) assert.equal((await post(body)).status, 400)
    assert.equal((await post(request(), 'another')).status, 401)
    const unknown = await get('never-posted')
    assert.equal(unknown.status, 404)
    assert.deepEqual(await unknown.json(), { id: 'never-posted', status: 'UNKNOWN' })
    assert.equal((await fetch(`${simulator.url}/elsewhere`)).status, 404)
  })

  it('calls back until it is answered with 2xx, with one event id', async () => {
    receiver.statuses.push(500, 307, 503)
    await play('settle')
    const callbacks = await called(4)
    assert.equal(new Set(callbacks.map(({ headers }) => headers['webhook-id'])).size, 1)
  })

  // What a caller sees by its deadline, what GET tells in the end, and the outcomes called back.
  const rows: Record<
    Behaviour,
    [http: number | undefined, status: string | undefined, truth: string, called: string[]]
  > = {
    settle: [202, 'ACCEPTED', 'SETTLED', ['SETTLED']],
    'settle-at-once': [200, 'SETTLED', 'SETTLED', []],
    refuse: [200, 'REFUSED', 'REFUSED', []],
    'refuse-later': [202, 'ACCEPTED', 'REFUSED', ['REFUSED']],
    late: [202, 'ACCEPTED', 'SETTLED', ['SETTLED']],
    silent: [202, 'ACCEPTED', 'SETTLED', []],
    'timeout-but-charged': [undefined, undefined, 'SETTLED', []],
    'timeout-then-callback': [undefined, undefined, 'SETTLED', ['SETTLED']],
    'callback-twice': [202, 'ACCEPTED', 'SETTLED', ['SETTLED', 'SETTLED', 'SETTLED']],
    'callback-before-response': [202, 'ACCEPTED', 'SETTLED', ['SETTLED']],
    garbage: [200, undefined, 'SETTLED', []],
    'wrong-signature': [202, 'ACCEPTED', 'SETTLED', ['SETTLED']],
    'other-amount': [202, 'ACCEPTED', 'SETTLED', ['SETTLED']],
    'unknown-id': [202, 'ACCEPTED', 'SETTLED', ['SETTLED']],
    'server-error-then-ok': [503, undefined, 'UNKNOWN', []],
    contradiction: [202, 'ACCEPTED', 'SETTLED', ['REFUSED', 'SETTLED']],
    down: [undefined, undefined, 'UNKNOWN', []],
    unprocessable: [422, undefined, 'UNKNOWN', []],
    undecided: [202, 'ACCEPTED', 'ACCEPTED', []],
    'refuse-unprocessable': [422, 'REFUSED', 'REFUSED', []],
    'reset-but-charged': [undefined, undefined, 'SETTLED', []],
    'error-but-taken': [500, 'REFUSED', 'ACCEPTED', []],
    'answer-other-amount': [200, 'SETTLED', 'SETTLED', []],
    'turned-down-but-taken': [422, undefined, 'ACCEPTED', []],
    overtaken: [undefined, undefined, 'SETTLED', []],
    'accept-unnamed': [202, 'ACCEPTED', 'ACCEPTED', []],
  }
  for (const behaviour of behaviours) {
    it(`plays ${behaviour}`, async () => {
      const [http, status, truth, outcomes] = rows[behaviour]
      const played = await play(behaviour)
      assert.deepEqual({ http: played.http, status: played.status }, { http, status })
      await called(outcomes.length)
      assert.deepEqual(
        receiver.callbacks.map(({ body }) => body['status']),
        outcomes,
      )
      await eventually(async () => (await statusOf(played.body.id)) === truth)
    })
  }

  it('takes in what a question has overtaken, once, after it was answered or at once when it is told', async () => {
    const [{ body: asked }, { body: told }] = [await play('overtaken'), await play('overtaken')]
    assert.equal(await statusOf(asked.id), 'UNKNOWN')
    assert.equal(await statusOf(asked.id), 'SETTLED')
    simulator.script(told.destination.account_number, { behaviour: 'undecided' })
    await post(told)
    simulator.arrive()
    assert.equal(await statusOf(told.id), 'ACCEPTED', 'the same request came before')
  })

  it('accepts without a reference, and denies what it has while the script says so', async () => {
    const { body, text } = await play('accept-unnamed')
    assert.ok(!text.includes('reference'))
    simulator.script(body.destination.account_number, { behaviour: 'undecided', poll: 'unknown' })
    assert.deepEqual(await (await get(body.id)).json(), { id: body.id, status: 'UNKNOWN' })
  })

  it('repeats one event and then tells the same with another id', async () => {
    await play('callback-twice')
    const [first, second, third] = (await called(3)).map(({ body }) => body['event_id'])
    assert.equal(first, second)
    assert.notEqual(first, third)
  })

  it('spoils exactly what the behaviour names', async () => {
    const { body } = await play('other-amount')
    assert.equal((await called(1))[0]!.body['amount'], '15026')
    assert.equal(((await (await get(body.id)).json()) as { amount: string }).amount, '15025')
    await play('unknown-id')
    const { id } = (await called(2))[1]!.body
    assert.ok(!simulator.transfers().some((transfer) => transfer.id === id))
  })

  it('answers with an amount that is not the transfer’s, and asked about it with the right one', async () => {
    const { body, text } = await play('answer-other-amount')
    assert.match(text, /"amount":"15026"/)
    assert.equal(((await (await get(body.id)).json()) as { amount: string }).amount, '15025')
  })

  it('is asked in vain, or told another amount, while the script says so', async () => {
    const { body } = await play('settle-at-once')
    const { account_number: account } = body.destination
    simulator.script(account, { behaviour: 'settle', poll: 'other-amount' })
    assert.equal(((await (await get(body.id)).json()) as { amount: string }).amount, '15026')
    for (const poll of ['page', 'error', 'other-unknown'] as const) {
      simulator.script(account, { behaviour: 'settle', poll })
      const answer = await get(body.id)
      assert.equal(answer.status, 404)
      assert.ok(!(await answer.text()).includes(body.id))
    }
    simulator.script(account, { behaviour: 'settle', poll: 'reset' })
    await assert.rejects(get(body.id))
    simulator.script(account, undefined)
    assert.equal(await statusOf(body.id), 'SETTLED')
    assert.equal(simulator.polls(body.id), 6)
  })

  it('is undecided until it is told, in the process or over HTTP, which it calls back', async () => {
    const [{ body: silent }, { body: loud }] = [await play('undecided'), await play('undecided')]
    simulator.decide(silent.id, 'REFUSED', 'ODD')
    assert.deepEqual(await (await get(silent.id)).json(), {
      ...((await (await post(silent)).json()) as object),
      status: 'REFUSED',
      reason: 'ODD',
    })
    const tell = (id: string, text: string) =>
      fetch(`${simulator.url}/transfers/${id}`, { method: 'PUT', body: text }).then(({ status }) => status)
    assert.equal(await tell(loud.id, '{"status":"ACCEPTED"}'), 400)
    assert.equal(await tell('nobody', '{"status":"SETTLED"}'), 404)
    assert.equal(await tell(loud.id, '{"status":"SETTLED"}'), 200)
    const [callback] = await called(1)
    assert.equal(callback!.body['id'], loud.id)
    assert.equal(callback!.body['status'], 'SETTLED')
  })

  it('hands out a callback with what is to be otherwise in it, signed', async () => {
    const { body } = await play('settle-at-once')
    const { headers, body: bytes } = simulator.callback(body.id, { event_id: 'evt_same', amount: '1' })
    const { time: _, reference: __, ...told } = JSON.parse(bytes.toString()) as Record<string, string>
    assert.deepEqual(told, { event_id: 'evt_same', id: body.id, status: 'SETTLED', amount: '1', currency: 'THB' })
    const signed = createHmac('sha256', callbackKey).update(`evt_same.${headers['webhook-timestamp']!}.`).update(bytes)
    assert.equal(headers['webhook-signature'], `v1,${signed.digest('base64')}`)
    const again = simulator.sign('evt_same', `${bytes.toString()} `)
    assert.notEqual(again.headers['webhook-signature'], headers['webhook-signature'])
  })

  it('says why it refuses', async () => {
    assert.match((await play('refuse', { reason: 'LIMIT_OF_ACCOUNT' })).text, /"reason":"LIMIT_OF_ACCOUNT"/)
  })

  it('takes the second attempt after an error', async () => {
    const { body } = await play('server-error-then-ok')
    assert.equal((await post(body)).status, 202)
    await called(1)
    assert.equal(await statusOf(body.id), 'SETTLED')
  })

  it('is down as a whole, and comes back', async () => {
    const { body } = await play('settle-at-once')
    simulator.script('*', { behaviour: 'down' })
    await assert.rejects(get(body.id))
    await assert.rejects(post(request()))
    simulator.script('*', undefined)
    assert.equal(await statusOf(body.id), 'SETTLED')
  })

  it('is scripted over HTTP, and shows what it has', async () => {
    const body = request()
    const script = (method: string, text?: string) =>
      fetch(`${simulator.url}/scripts/${body.destination.account_number}`, { method, ...(text && { body: text }) })
    assert.equal((await script('PUT', '{"behaviour":"refuse"}')).status, 200)
    assert.equal(((await (await post(body)).json()) as { status: string }).status, 'REFUSED')
    assert.equal((await script('PUT', '{"behaviour":"dance"}')).status, 400)
    assert.equal((await script('DELETE')).status, 200)
    const shown = (await (await fetch(`${simulator.url}/transfers`)).json()) as { transfers: { id: string }[] }
    assert.ok(shown.transfers.some(({ id }) => id === body.id))
  })

  it('reads a behaviour from the end of an account number', async () => {
    const refused = await post(request({ destination: { account_number: '1112009003' } }))
    assert.equal(((await refused.json()) as { status: string }).status, 'REFUSED')
    assert.equal((await post(request({ destination: { merchant_id: 'M009018' } }))).status, 422)
    assert.equal((await post(request({ destination: { merchant_id: 'M009099' } }))).status, 202)
  })
})

describe('a simulator with a journal', () => {
  const receiver = new Receiver()
  const folder = mkdtempSync(join(tmpdir(), 'provider-'))
  const options = { key, callbackSecret, journalFile: join(folder, 'books.jsonl') }
  const started: ProviderSimulator[] = []
  const start = async () => {
    const simulator = await startProviderSimulator(options)
    started.push(simulator)
    return simulator
  }

  before(() => receiver.start())
  after(async () => {
    for (const simulator of started) await simulator.stop()
    await receiver.stop()
    rmSync(folder, { recursive: true })
  })

  it('knows after a restart what it took, and decides what it owes', async () => {
    const first = await start()
    first.script('7', { behaviour: 'late' })
    const body = { id: 'a', amount: '1', currency: 'THB', destination: { account: '7' }, callback_url: receiver.url }
    const answer = await fetch(`${first.url}/v1/transfers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    })
    assert.equal(answer.status, 202)
    await first.stop()
    const second = await start()
    await eventually(() => receiver.callbacks[0]?.body['status'] === 'SETTLED')
    const found = second.transfers().map(({ id, status, reference }) => ({ id, status, reference }))
    assert.deepEqual(found, [{ id: 'a', status: 'SETTLED', reference: 'SIM-00000001' }])
  })
})
