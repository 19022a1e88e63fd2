import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Pool } from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { createLogger } from '../../runtime/logger.js'
import { createPool } from '../../runtime/postgres.js'
import { type CrashPoint } from '../crash-points.js'
import { authorized, type Intent } from '../intents/intent.js'
import { IntentStore } from '../intents/intent-store.js'
import { exampleIntent, startMs } from '../test/example-intent.js'
import { type Approach, carryOut, type CarryOutDeps } from './carry-out.js'
import { type ChannelOutcome, type PollOutcome, type Provider } from './provider.js'
import { ProviderInbox } from './provider-inbox.js'
import { readAnswer } from './provider-message.js'
import { leaseMs, SubmissionStore } from './submission-store.js'

/** What is done in which order around the end of a payment's time, with a provider that answers when the test wants it to. */
describe('a payment that is asked about', () => {
  const silent: ChannelOutcome = { kind: 'unknown', cause: 'no answer' }
  let pool: Pool
  let store: IntentStore
  let deps: CarryOutDeps
  let nowMs: number
  let submissions: number
  let onSubmit: () => Promise<ChannelOutcome>
  let onPoll: () => Promise<PollOutcome>
  let onPoint: (point: CrashPoint) => void

  const provider: Provider = {
    name: 'ipps',
    isBusy: () => false,
    submit: async () => {
      submissions += 1
      return await onSubmit()
    },
    poll: () => onPoll(),
    readCallback: () => ({ kind: 'unsigned' }),
  }

  before(async () => {
    pool = createPool({ url: await testDatabase('intent'), max: 10, applicationName: 'test' })
    store = new IntentStore(pool, 1_000)
    deps = {
      store,
      submissions: new SubmissionStore(pool),
      inbox: new ProviderInbox({ pool, newId: randomUUID, nowMs: () => nowMs }),
      providers: new Map([[provider.name, provider]]),
      queues: new Map(),
      nowMs: () => nowMs,
      crashPoint: (point) => {
        onPoint(point)
      },
      log: createLogger({ name: 'intent', level: 'silent' }),
    }
  })
  beforeEach(() => {
    nowMs = startMs
    submissions = 0
    onSubmit = () => Promise.resolve(silent)
    onPoll = () => Promise.resolve({ kind: 'notFound' })
    onPoint = () => undefined
  })
  after(() => pool.end())

  /** A payment that is held for an hour, and that nobody was asked for. */
  async function held(): Promise<Intent> {
    const submission = { provider: provider.name, askedMs: undefined, reference: undefined }
    const intent = exampleIntent({ holdSeconds: 3_600, submission })
    await store.insert(intent)
    await store.update(intent, authorized(intent, startMs))
    return await read(intent)
  }

  async function step(intent: Intent, approach: Approach): Promise<Intent> {
    const now = await read(intent)
    assert.ok(now.submission)
    return await carryOut(deps, now, now.submission, approach)
  }

  async function read({ id }: Intent): Promise<Intent> {
    const intent = await store.byId(id)
    assert.ok(intent)
    return intent
  }

  /** A payment whose submission was made, and never answered. */
  async function asked(): Promise<Intent> {
    const intent = await held()
    await step(intent, 'ASK')
    assert.equal(submissions, 1)
    return intent
  }

  async function passes(intent: Intent, seconds: number): Promise<void> {
    await pool.query(
      `update intents set hold_expire_time = hold_expire_time - make_interval(secs => $2),
         provider_ask_time = provider_ask_time - make_interval(secs => $2),
         provider_submit_time = provider_submit_time - make_interval(secs => $2) where id = $1`,
      [intent.id, seconds],
    )
  }
  const endTime = (intent: Intent) =>
    pool.query('update intents set hold_expire_time = now() where id = $1', [intent.id])

  async function secondsLeft(intent: Intent): Promise<number> {
    const text = 'select extract(epoch from resume_after - now())::float8 as seconds from intents where id = $1'
    const { rows } = await pool.query<{ seconds: number }>(text, [intent.id])
    return rows[0]?.seconds ?? NaN
  }

  it('is its submitter’s for as long as a submission takes, also when its time ends meanwhile', async () => {
    const intent = await asked()
    await passes(intent, 3_595)
    let left = 0
    onSubmit = async () => {
      left = await secondsLeft(intent)
      return silent
    }
    await step(intent, 'POLL')
    assert.equal(submissions, 2)
    assert.ok(left > 20, `${left} s`)
  })

  it('is not given up before what was submitted last has had a minute to arrive', async () => {
    const intent = await asked()
    await passes(intent, 3_595)
    await step(intent, 'POLL')
    await endTime(intent)
    assert.equal((await step(intent, 'POLL')).release, undefined)
    assert.equal(submissions, 2, 'its time is over')
    assert.ok((await secondsLeft(intent)) < 61)
    await passes(intent, 50)
    assert.equal((await step(intent, 'POLL')).release, undefined)
    await passes(intent, 10)
    assert.deepEqual((await step(intent, 'POLL')).release, { kind: 'EXPIRE' })
    assert.equal(submissions, 2)
  })

  it('counts the minute from the last submission, whenever its time was over', async () => {
    const intent = await asked()
    await pool.query(`update intents set hold_expire_time = now() - interval '1 hour' where id = $1`, [intent.id])
    assert.equal((await step(intent, 'POLL')).release, undefined)
    await passes(intent, 60)
    assert.deepEqual((await step(intent, 'POLL')).release, { kind: 'EXPIRE' })
  })

  it('is not given up by what was asked before the minute was over, however late the answer is taken in', async () => {
    const intent = await asked()
    onPoll = async () => {
      await passes(intent, 7_200)
      return { kind: 'notFound' }
    }
    assert.equal((await step(intent, 'POLL')).release, undefined)
    onPoll = () => Promise.resolve({ kind: 'notFound' })
    assert.deepEqual((await step(intent, 'POLL')).release, { kind: 'EXPIRE' })
  })

  for (const [what, amount] of [
    ['the amount', '9950'],
    ['another amount', '9949'],
  ] as const) {
    it(`of which the provider accepted ${what} without a reference is kept, and not submitted again, when it denies that`, async () => {
      const intent = await held()
      onSubmit = () =>
        Promise.resolve(
          readAnswer(JSON.stringify({ id: intent.id, status: 'ACCEPTED', amount, currency: 'THB' }), intent),
        )
      await step(intent, 'ASK')
      await isKept(intent)
    })
  }

  /** The provider says that it does not know a payment that was submitted once, before the end of its time and after it. */
  async function isKept(intent: Intent): Promise<void> {
    await step(intent, 'POLL')
    assert.equal(submissions, 1)
    await passes(intent, 7_200)
    assert.equal((await step(intent, 'POLL')).release, undefined)
    assert.equal((await read(intent)).status.state, 'AUTHORIZED')
  }

  it('is not submitted by a process that was paused until somebody else has it', async () => {
    const intent = await held()
    onPoint = (point) => {
      if (point === 'after-ask') nowMs += leaseMs + 1
    }
    await step(intent, 'ASK')
    assert.equal(submissions, 0)
    await step(intent, 'POLL')
    assert.equal(submissions, 1, 'whoever has it then does')
  })
})
