import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import {
  ApproveIntentRequest,
  FailIntentRequest,
  GetTotalsRequest,
  IntentAdminServiceService as Admin,
  ListStuckIntentsRequest,
  RejectIntentRequest,
  ReplayEventsRequest,
  ResumeIntentRequest,
  SearchIntentsRequest,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { RiskAction } from '../../../gen/paymesh/rules/v1/decision.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type CrashPoint } from '../crash-points.js'
import { eventStream } from '../events/outbox-worker.js'
import { assertFails } from '../test/assert-fails.js'
import { TestMesh } from '../test/mesh.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { until } from '../test/mesh-process.js'

describe("the operator's RPCs of intents", () => {
  let mesh: TestMesh
  let intent: TestIntent
  let purse: Wallet
  let shop: Wallet
  const startMs = Date.now()

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    intent = await mesh.startIntent()
    purse = await intent.wallet('ann', 10_000_000n)
    shop = await intent.wallet('ben')
    for (let count = 0; count < 4; count += 1) await pay()
  })
  afterEach(() => mesh.assertConserved())
  after(() => mesh.stop())

  const clerk: As = { user: 'clerk', permissions: ['intents:admin'] }
  const finalState = { code: 'FAILED_PRECONDITION', reason: 'INTENT_FINAL' } as const
  const notInReview = { code: 'FAILED_PRECONDITION', reason: 'INTENT_NOT_IN_REVIEW' } as const

  async function pay(change: Parameters<typeof paymentRequest>[3] = {}): Promise<Intent> {
    return (await intent.pay('ann', paymentRequest(purse, shop, 10_000n, change))).message
  }

  const reviewed = () => pay({ metadata: { suspicious: 'yes' } })

  async function approve({ name }: Intent, as = clerk): Promise<Intent> {
    return (await intent.call(Admin.approveIntent, ApproveIntentRequest.fromPartial({ name }), as)).message.intent!
  }

  async function reject({ name }: Intent, as = clerk, reason = 'looks stolen'): Promise<Intent> {
    return (await intent.call(Admin.rejectIntent, RejectIntentRequest.fromPartial({ name, reason }), as)).message
      .intent!
  }

  async function fail({ name }: Intent, reason = 'gave up'): Promise<Intent> {
    return (await intent.call(Admin.failIntent, FailIntentRequest.fromPartial({ name, reason }), clerk)).message.intent!
  }

  async function resume({ name }: Intent): Promise<Intent> {
    return (await intent.call(Admin.resumeIntent, ResumeIntentRequest.fromPartial({ name }), clerk)).message.intent!
  }

  async function search(request: Partial<SearchIntentsRequest>): Promise<Intent[]> {
    return (await intent.call(Admin.searchIntents, SearchIntentsRequest.fromPartial(request), clerk)).message.intents
  }

  /** A payment that was cut off at a place, and which no resumer has taken yet. */
  async function cutOff(at: CrashPoint): Promise<Intent> {
    const broken = await mesh.startIntent({
      crashPoint: (point) => {
        if (point === at) throw new Error(`crash ${at}`)
      },
    })
    const request = paymentRequest(purse, shop, 10_000n)
    await assert.rejects(broken.pay('ann', request))
    await broken.stop()
    const made = (await mesh.intents()).find(({ requestId }) => requestId === request.requestId)
    return await intent.intent(`intents/${made!.id}`)
  }

  describe('ApproveIntent and RejectIntent', () => {
    it('decide about a payment that Rules wants a person to see', async () => {
      const before = await intent.available(purse.name)
      const waiting = await reviewed()
      assert.equal(waiting.state, IntentState.IN_REVIEW)
      assert.equal(waiting.decision?.risk, undefined, 'the payer does not learn why')
      assert.equal(await intent.available(purse.name), before, 'nothing is held')
      const [queued] = await search({ state: IntentState.IN_REVIEW })
      assert.equal(queued?.name, waiting.name)
      assert.deepEqual(queued.decision?.risk, { action: RiskAction.REVIEW, score: 500, reasons: ['LOOKS_ODD'] })
      const settled = await approve(waiting)
      assert.deepEqual(
        settled.stateChanges.map(({ state }) => state),
        (['CREATED', 'VALIDATED', 'IN_REVIEW', 'VALIDATED', 'AUTHORIZED', 'SETTLED'] as const).map(
          (state) => IntentState[state],
        ),
      )
      assert.deepEqual(await intent.intent(waiting.name), settled)
      const refused = await reject(await reviewed())
      assert.deepEqual(refused.failure, { reason: 'REVIEW_REJECTED', message: 'looks stolen', limit: undefined })
      assert.equal(refused.state, IntentState.REJECTED)
    })

    it('hold the money of a payment that is to be confirmed once it is approved', async () => {
      const waiting = await pay({ metadata: { suspicious: 'yes' }, holdSeconds: 60 })
      assert.equal((await approve(waiting)).state, IntentState.AUTHORIZED)
    })

    it('begin the time of a hold, however long the payment waited for a review', async () => {
      const waiting = await pay({ metadata: { suspicious: 'yes' }, holdSeconds: 3600 })
      const id = waiting.name.slice('intents/'.length)
      await mesh.pool.query(`update intents set hold_expire_time = now() - interval '1 day' where id = $1`, [id])
      const held = await approve(waiting)
      assert.equal(held.state, IntentState.AUTHORIZED)
      const leftSeconds = Number(held.holdExpireTime!.seconds) - Date.now() / 1000
      assert.ok(leftSeconds > 3500 && leftSeconds < 3700, `${leftSeconds} s are left`)
      assert.deepEqual(await intent.intent(waiting.name), held)
    })

    it('are not for who has a part in the payment', async () => {
      const waiting = await reviewed()
      for (const user of ['ann', 'ben']) {
        const self = { reason: 'SELF_REVIEW', code: 'PERMISSION_DENIED' } as const
        await assertFails(approve(waiting, { user, permissions: ['intents:admin'] }), self)
        await assertFails(reject(waiting, { user, permissions: ['intents:admin'] }), self)
      }
      await assertFails(approve(waiting, { user: 'ann' }), { reason: 'PERMISSION_MISSING', code: 'PERMISSION_DENIED' })
      await reject(waiting, operator)
    })

    it('at once, many of them, come to one outcome', async () => {
      const waiting = await reviewed()
      const answers = await Promise.allSettled(
        Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? approve(waiting) : reject(waiting))),
      )
      assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1)
      const { state } = await intent.intent(waiting.name)
      assert.ok(state === IntentState.SETTLED || state === IntentState.REJECTED)
      const metadata = { intent: waiting.name, state: state === IntentState.SETTLED ? 'SETTLED' : 'REJECTED' }
      await assertFails(approve(waiting), { ...notInReview, metadata })
    })
  })

  describe('FailIntent', () => {
    it('rejects what moved nothing, and then nothing can', async () => {
      const before = await intent.available(purse.name)
      const interrupted = await cutOff('before-ledger')
      const failed = await fail(interrupted)
      assert.equal(failed.state, IntentState.REJECTED)
      assert.deepEqual(failed.failure, { reason: 'FAILED_BY_OPERATOR', message: 'gave up', limit: undefined })
      // The chain that was under way meanwhile.
      await mesh.pool.query(
        `update intents set state = 'VALIDATED', failure_reason = null, failure_message = null, reject_time = null
         where id = $1`,
        [failed.name.slice('intents/'.length)],
      )
      assert.equal((await resume(failed)).state, IntentState.REJECTED)
      assert.equal(await intent.available(purse.name), before)
    })

    it('rejects what another process tries anew meanwhile', async () => {
      const before = await intent.available(purse.name)
      const interrupted = await cutOff('before-ledger')
      const other = await mesh.pool.connect()
      await other.query('begin')
      await other.query(
        `update intents set attempt = attempt + 1, resume_after = now() + interval '1 minute' where id = $1`,
        [interrupted.name.slice('intents/'.length)],
      )
      const failing = fail(interrupted)
      // It has read the attempt of before, and waits for the row.
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      try {
        await until(async () => (await mesh.pool.query(waiting)).rowCount !== 0, 'the rejection waits')
      } finally {
        await other.query('commit')
        other.release()
      }
      const failed = await failing
      assert.equal(failed.state, IntentState.REJECTED)
      assert.equal(failed.failure?.reason, 'FAILED_BY_OPERATOR')
      assert.equal(await intent.available(purse.name), before)
    })

    it('says why, also when somebody else meets the spent chain first', async () => {
      for (let round = 0; round < 8; round++) {
        const interrupted = await cutOff('before-ledger')
        await Promise.allSettled([resume(interrupted), fail(interrupted), resume(interrupted)])
        const { state, failure } = await intent.intent(interrupted.name)
        if (state !== IntentState.SETTLED) assert.equal(failure?.reason, 'FAILED_BY_OPERATOR')
      }
    })

    it('finds that the Ledger moved the money, and says so', async () => {
      const interrupted = await cutOff('after-ledger')
      assert.equal(interrupted.state, IntentState.VALIDATED)
      assert.equal((await fail(interrupted)).state, IntentState.SETTLED)
    })

    it('gives back what is held, and ends what is in review', async () => {
      const before = await intent.available(purse.name)
      const held = await fail(await pay({ holdSeconds: 60 }))
      assert.equal(held.state, IntentState.FAILED)
      assert.deepEqual(held.failure, { reason: 'FAILED_BY_OPERATOR', message: 'gave up', limit: undefined })
      assert.equal(await intent.available(purse.name), before)
      assert.equal((await fail(await reviewed())).state, IntentState.REJECTED)
    })

    it('leaves what is final', async () => {
      const settled = await pay()
      await assertFails(fail(settled), { ...finalState, metadata: { intent: settled.name, state: 'SETTLED' } })
      const invalid = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT' } as const
      await assertFails(fail(settled, ''), { ...invalid, fields: ['reason'] })
      await assertFails(fail({ ...settled, name: 'x' }, ''), { ...invalid, fields: ['name'] })
    })
  })

  it('ListStuckIntents has what the resumer could not finish, and ResumeIntent finishes it', async function () {
    this.timeout(60_000)
    const stuck = async () => {
      const request = ListStuckIntentsRequest.fromPartial({})
      return (await intent.call(Admin.listStuckIntents, request, clerk)).message.intents
    }
    const interrupted = await cutOff('after-insert')
    await mesh.ledger.kill()
    await mesh.pool.query(`update intents set resume_after = now() where state = 'VALIDATED'`)
    await until(async () => (await stuck()).length > 0, 'the resumer tries in vain', 20_000)
    const [found] = await stuck()
    assert.equal(found?.intent?.name, interrupted.name)
    assert.ok(found.attemptCount > 0)
    await assertFails(resume(interrupted), { reason: 'DEPENDENCY_UNAVAILABLE', code: 'UNAVAILABLE' })
    await mesh.ledger.start()
    const resumed = async () => (await resume(interrupted).catch(() => undefined))?.state === IntentState.SETTLED
    await until(resumed, 'it is finished', 20_000)
    assert.deepEqual(await stuck(), [])
  })

  it('SearchIntents finds by creator, parent, state and wallet, page by page', async () => {
    const paid = await pay()
    const refund = { name: paid.name, requestId: 'back', amount: undefined, reason: '' }
    const merchant = { user: 'ben', permissions: ['refunds:write'] }
    const { message } = await intent.call(IntentServiceService.refundIntent, refund, merchant)
    assert.deepEqual(
      (await search({ parent: paid.name })).map(({ name }) => name),
      [message.intent!.name],
    )
    const byAnn = await search({ creator: 'users/ann', pageSize: 1000 })
    assert.ok(byAnn.length > 3 && byAnn.every(({ creator }) => creator === 'users/ann'))
    const request = SearchIntentsRequest.fromPartial({ creator: 'users/ann', pageSize: 2 })
    const { message: page } = await intent.call(Admin.searchIntents, request, clerk)
    const next = { creator: 'users/ann', pageSize: 2, pageToken: page.nextPageToken }
    assert.deepEqual([...page.intents, ...(await search(next))], byAnn.slice(0, 4))
    await assertFails(search({ ...next, creator: 'users/ben' }), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['page_token'],
    })
  })

  it('GetTotals sums up what was created, by day, asset, type and state', async () => {
    await fail(await pay({ holdSeconds: 60 }))
    const time = (ms: number) => ({ seconds: BigInt(Math.floor(ms / 1000)), nanos: 0 })
    const request = { startTime: time(startMs - 1_000), endTime: time(Date.now() + 1_000) }
    const { totals } = (await intent.call(Admin.getTotals, request, clerk)).message
    const settled = totals.filter(
      ({ state, operationType }) => state === IntentState.SETTLED && operationType === 'P2P_TRANSFER',
    )
    const count = settled.reduce((sum, { intentCount }) => sum + intentCount, 0n)
    assert.ok(count > 3n)
    assert.equal(
      settled.reduce((sum, total) => sum + BigInt(total.amountMinorUnits), 0n),
      count * 10_000n,
    )
    assert.equal(
      settled.reduce((sum, total) => sum + BigInt(total.feeMinorUnits), 0n),
      count * 150n,
    )
    assert.equal(settled[0]?.day, new Date(startMs).toISOString().slice(0, 10))
    const failed = totals.find(({ state }) => state === IntentState.FAILED)
    assert.deepEqual([failed?.amountMinorUnits, failed?.feeMinorUnits], ['10000', '0'])
    for (const [change, fields] of [
      [{ startTime: undefined }, ['start_time']],
      [{ endTime: request.startTime }, ['end_time']],
      [{ endTime: time(startMs + 93 * 86_400_000) }, ['end_time']],
    ] as const) {
      const wrong = GetTotalsRequest.fromPartial({ ...request, ...change })
      await assertFails(intent.call(Admin.getTotals, wrong, clerk), {
        reason: 'INVALID_FIELD',
        code: 'INVALID_ARGUMENT',
        fields,
      })
    }
  })

  it('ReplayEvents publishes again what was given up', async () => {
    const valkey = new Redis(mesh.valkeyUrl)
    const id = '0190a000-0000-7000-8000-00000000beef'
    await mesh.pool.query(
      `insert into outbox (intent_id, sequence, events, publish_after, dead_time) values ($1, 1, $2, now(), now())`,
      [id, '[{"id":"given up"}]'],
    )
    const replay = async (name: string) =>
      (await intent.call(Admin.replayEvents, ReplayEventsRequest.fromPartial({ name }), clerk)).message.writeCount
    await assertFails(replay('x'), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['name'] })
    assert.equal(await replay('intents/0190a000-0000-7000-8000-00000000dead'), 0n)
    assert.equal(await replay(''), 1n)
    const told = async () =>
      (await valkey.xrange(eventStream, '-', '+')).some(([, fields]) => fields[1]?.includes('given up'))
    await until(told, 'the event is told')
    valkey.disconnect()
  })
})
