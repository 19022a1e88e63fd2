import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { createLogger } from '../../runtime/logger.js'
import { SubmissionQueue } from '../providers/submission-queue.js'
import { SubmissionWorker } from '../providers/submission-worker.js'
import { exampleIntent } from './example-intent.js'
import { TestMesh } from './mesh.js'
import { until } from './mesh-process.js'
import { topUpRequest } from './payment-request.js'
import { SimulatedProvider } from './simulated-provider.js'
import { type IntentOptions, type TestIntent } from './test-intent.js'
import { ValkeyProxy } from '../../runtime/test/valkey-proxy.js'

const stream = 'submissions.qp'

/** A queue that loses jobs, tells of them twice, or is away: each payment is submitted, and paid once. */
describe('a payment that is submitted through a queue', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let valkey: Redis
  let provider: SimulatedProvider
  /** Adds jobs, and may not read them. */
  let adder: TestIntent
  let purse: Wallet
  let worker: TestIntent | undefined

  before(async () => {
    mesh = await TestMesh.start()
    valkey = new Redis(mesh.valkeyUrl)
    provider = await SimulatedProvider.start('qp')
    await valkey.call('ACL', 'SETUSER', 'adder', 'on', '>secret', '~*', '&*', '+@all', '-xreadgroup', '-xautoclaim')
    const url = new URL(mesh.valkeyUrl)
    ;[url.username, url.password] = ['adder', 'secret']
    adder = await mesh.startIntent({ providers: [provider.options], valkeyUrl: url.href })
    purse = await adder.wallet('ann', 10_000_000n)
  })
  beforeEach(() => {
    provider.behave({ behaviour: 'settle-at-once' })
  })
  afterEach(async () => {
    await worker?.stop()
    worker = undefined
    await mesh.assertConserved()
  })
  after(async () => {
    await valkey.call('ACL', 'DELUSER', 'adder')
    valkey.disconnect()
    await provider.stop()
  })

  const idOf = ({ name }: Intent) => name.slice('intents/'.length)
  async function startWorker(options: IntentOptions = {}): Promise<TestIntent> {
    worker = await mesh.startIntent({ providers: [provider.options], ...options })
    return worker
  }
  const topUp = () => topUpRequest(purse, 10_000n)
  async function pay(at: TestIntent): Promise<Intent> {
    const { message } = await at.pay('ann', topUp())
    assert.equal(message.state, IntentState.AUTHORIZED)
    return message
  }
  async function settles(paid: Intent): Promise<void> {
    await until(async () => (await adder.intent(paid.name)).state === IntentState.SETTLED, `${paid.name} settles`)
    assert.equal(provider.posts(idOf(paid)), 1)
  }
  const letPoll = () =>
    mesh.pool.query(`update intents set resume_after = now() where state = 'AUTHORIZED' and provider is not null`)

  it('is answered at once and submitted by the next process that has a place', async () => {
    const paid = await pay(adder)
    assert.equal(provider.posts(idOf(paid)), 0, 'the request submits nothing')
    await startWorker()
    await settles(paid)
    assert.equal(provider.polls(idOf(paid)), 0)
    await until(async () => (await valkey.xlen(stream)) === 0, 'the job is forgotten')
    assert.deepEqual(await valkey.xpending(stream, 'intent'), [0, null, null, null])
  })

  it('whose job comes again is asked about, and not submitted again', async () => {
    provider.behave({ behaviour: 'undecided' })
    const intent = await startWorker()
    const paid = await pay(intent)
    await until(async () => (await intent.intent(paid.name)).providerReference !== '', 'the provider has it')
    await valkey.xadd(stream, '*', 'intent', idOf(paid))
    await until(() => provider.polls(idOf(paid)) === 1, 'it is asked about')
    provider.decide(idOf(paid), 'SETTLED')
    await valkey.xadd(stream, '*', 'intent', idOf(paid))
    await settles(paid)
    await valkey.xadd(stream, '*', 'intent', idOf(paid), 'more', '1')
    await valkey.xadd(stream, '*', 'nothing', 'of ours')
    await until(async () => (await valkey.xlen(stream)) === 0, 'jobs that say nothing new are forgotten')
    assert.equal(provider.polls(idOf(paid)), 2)
  })

  it('whose job is lost is found by the poller, and the queue goes on', async () => {
    const lost = await pay(adder)
    const intent = await startWorker()
    await settles(await pay(intent))
    await settles(lost)
    await worker?.stop()
    const flushed = await pay(adder)
    await valkey.flushdb()
    const next = await startWorker()
    await letPoll()
    await settles(flushed)
    assert.equal(provider.polls(idOf(flushed)), 1)
    await valkey.flushdb()
    await settles(await pay(next))
  })

  for (const [point, polls] of [
    ['before-ask', 0],
    ['after-ask', 1],
    ['after-queue', 0],
  ] as const) {
    it(`whose process dies at ${point} is submitted by another`, async () => {
      const dying = await mesh.intentProcess({ providers: [provider] })
      const request = topUp()
      await dying.diesAt(point, (at) => at.pay('ann', request))
      await startWorker()
      await mesh.pool.query(`update intents set resume_after = now() where provider_ask_time is null`)
      if (polls > 0) await letPoll()
      const { message: paid } = await adder.pay('ann', request)
      await settles(paid)
      assert.equal(provider.polls(idOf(paid)), polls)
    })
  }

  for (const [point, polls] of [
    ['after-take', 1],
    ['after-answer', 1],
    ['after-report', 0],
  ] as const) {
    it(`whose process dies at ${point} with its job is taken over`, async () => {
      const paid = await pay(adder)
      const dying = await mesh.intentProcess({ providers: [provider] })
      await dying.diesUnasked(point)
      assert.equal(provider.posts(idOf(paid)), point === 'after-take' ? 0 : 1)
      await startWorker({ limits: { submissionIdleMsMax: 100 } })
      await settles(paid)
      assert.equal(provider.polls(idOf(paid)), polls)
      await until(async () => (await valkey.xlen(stream)) === 0, 'the job is forgotten')
    })
  }

  it('is left in the queue while the provider has no place, and submitted by who takes it over', async () => {
    const stored = exampleIntent()
    // When the worker looks for jobs, and before each is carried out.
    const busy = [true, false, true]
    const submitted: number[] = []
    const queue = new SubmissionQueue(valkey, 'busy', () => undefined)
    await queue.add(stored.id)
    const busyWorker = new SubmissionWorker({
      queue,
      provider: { isBusy: () => busy.shift() ?? false },
      store: { byId: () => Promise.resolve(stored) },
      advance: (intent) => {
        submitted.push(busy.length)
        return Promise.resolve({ kind: 'rests', intent })
      },
      idleMsMax: 50,
      random: Math.random,
      log: createLogger({ name: 'intent', level: 'silent' }),
    })
    busyWorker.start()
    await until(() => submitted.length > 0, 'it is submitted')
    await until(async () => (await valkey.xlen('submissions.busy')) === 0, 'the job is forgotten')
    await busyWorker.stop()
    assert.deepEqual(submitted, [0], 'once, and after the provider was busy')
  })

  it('settles while Valkey is away, through the poller', async () => {
    const proxy = await ValkeyProxy.start(mesh.valkeyUrl)
    const intent = await startWorker({ valkeyUrl: proxy.url })
    proxy.cut()
    const paid = await pay(intent)
    await letPoll()
    await settles(paid)
    await worker?.stop()
    await proxy.stop()
  })

  it('is ended by an operator before anybody has submitted it: nobody does', async () => {
    const { rows } = await mesh.pool.query<{ id: string }>(`select id from intents where state = 'AUTHORIZED'`)
    assert.deepEqual(rows, [])
    const paid = await pay(adder)
    await mesh.pool.query(`update intents set release_kind = 'EXPIRE', resume_after = now() where id = $1`, [
      idOf(paid),
    ])
    await startWorker()
    await until(async () => (await adder.intent(paid.name)).state === IntentState.EXPIRED, 'it ends')
    await until(async () => (await valkey.xlen(stream)) === 0, 'the job is forgotten')
    assert.equal(provider.posts(idOf(paid)), 0)
  })
})
