import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { Counter, Registry } from 'prom-client'
import { testValkeyUrl } from '../../../dev/testing.js'
import { createLogger } from '../../runtime/logger.js'
import { type OutboxRow } from '../events/outbox-store.js'
import { type MeasuredPayment, SignalStore } from './signal-store.js'
import { dayMs, hourMs, memoryMs, type PastPayment, paymentsMax, signalsOf } from './signals.js'
import { until } from '../test/mesh-process.js'
import { ValkeyProxy } from '../../runtime/test/valkey-proxy.js'
import { connectValkey } from '../../runtime/valkey.js'

const log = createLogger({ name: 'intent', level: 'silent' })
const walletIds = ['0190a000-0000-7000-8000-0000000000aa', '0190a000-0000-7000-8000-0000000000bb'] as const
const owners: Record<string, string> = { [walletIds[0]]: 'users/ann', [walletIds[1]]: 'users/ben' }

let intents = 0

/** An event of a payment from ann to ben, as the outbox has it. */
function settled(timeMs: number, minorUnits: bigint, change: Record<string, unknown> = {}): object {
  intents += 1
  const data = {
    name: `intents/i${intents}`,
    operationType: 'P2P_TRANSFER',
    state: 'SETTLED',
    payer: `wallets/${walletIds[0]}`,
    payee: `wallets/${walletIds[1]}`,
    amount: { assetCode: 'THB', minorUnits: String(minorUnits) },
    ...change,
  }
  return { id: `i${intents}.2`, time: new Date(timeMs).toISOString(), data }
}

const rowOf = (...events: object[]): OutboxRow => ({ intentId: 'i', sequence: 1, events })

describe('the signal store', () => {
  let proxy: ValkeyProxy
  let own: Redis
  let valkey: Redis
  let store: SignalStore
  let nowMs: number
  let elapsedMs: number
  let outcomes: Counter<'outcome'>
  const payment: MeasuredPayment = { payer: 'users/ann', payee: 'users/ben', assetCode: 'THB', amountMinor: 100n }

  before(async () => {
    const url = await testValkeyUrl()
    own = new Redis(url)
    proxy = await ValkeyProxy.start(url)
  })
  beforeEach(async () => {
    await own.flushdb()
    nowMs = Date.UTC(2026, 0, 31)
    elapsedMs = 0
    outcomes = new Counter({ name: 'outcomes', help: '.', labelNames: ['outcome'], registers: [new Registry()] })
    valkey = connectValkey(proxy.url, 'signals', log)
    store = storeOf(10_000)
    await until(() => valkey.status === 'ready', 'connected')
  })
  afterEach(() => {
    proxy.mend()
    valkey.disconnect()
  })
  after(async () => {
    own.disconnect()
    await proxy.stop()
  })

  const storeOf = (readMsMax: number) =>
    new SignalStore({
      valkey,
      ownerOf: (id) => Promise.resolve(owners[id]),
      nowMs: () => nowMs,
      elapsedMs: () => elapsedMs,
      readMsMax,
      outcomes,
      log,
    })
  const remember = (...events: object[]) => store.remember([rowOf(...events)])
  /** As if everything was remembered since long ago. */
  const isComplete = () => own.hset('signals', 'since', '0')
  const namesNow = async () => Object.keys(await store.signalsOf(payment))
  const outcome = async (name: string) =>
    (await outcomes.get()).values.find(({ labels }) => labels.outcome === name)?.value ?? 0

  it('tells what a model tells that knows every payment', async function () {
    this.timeout(30_000)
    const anyPayment = fc.record({
      agoMs: fc.integer({ min: 0, max: 31 * dayMs }),
      minor: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
      toBen: fc.boolean(),
      asset: fc.constantFrom('THB', 'USD'),
    })
    const property = fc.asyncProperty(fc.array(anyPayment, { maxLength: 40 }), async (made) => {
      await own.flushdb()
      const events = made.map(({ agoMs, minor, toBen, asset }) => {
        const amount = { assetCode: asset, minorUnits: String(minor) }
        return settled(nowMs - agoMs, minor, { amount, ...(toBen ? {} : { payee: 'a shop/without owner' }) })
      })
      await remember(...events, settled(nowMs - 40 * dayMs, 1n))
      // At least once: some come again.
      await remember(...events.slice(0, 5))
      await isComplete()
      const payments = made
        .filter(({ asset }) => asset === 'THB')
        .map(({ agoMs, minor, toBen }): PastPayment => {
          return { timeMs: nowMs - agoMs, amountMinor: minor, payee: toBen ? 'users/ben' : 'a shop/without owner' }
        })
      const toBen = payments.filter(({ payee }) => payee === 'users/ben').map(({ timeMs }) => timeMs)
      const payeePaidMs = Math.max(...toBen, nowMs - 40 * dayMs)
      const history = { payments, payeePaidMs, payeesForgotten: false, completeSinceMs: 0 }
      assert.deepEqual(await store.signalsOf(payment), signalsOf(history, payment.amountMinor, nowMs))
    })
    await fc.assert(property, { numRuns: 40 })
  })

  it('remembers what settled and was nobody’s refund, of wallets', async () => {
    await remember(
      settled(nowMs, 1n),
      settled(nowMs, 2n, { state: 'VALIDATED' }),
      settled(nowMs, 4n, { parent: 'intents/x' }),
      settled(nowMs, 8n, { payer: 'accounts/settlement.THB' }),
      settled(nowMs, 16n, { payer: `wallets/${walletIds[1]}` }),
      settled(nowMs, 32n, { amount: { assetCode: 'USD', minorUnits: '32' } }),
      { nothing: 'that is known' },
    )
    await isComplete()
    assert.equal((await store.signalsOf(payment))['amount_last_day_minor'], 1n)
    const byBen = { ...payment, payer: 'users/ben' }
    assert.equal((await store.signalsOf(byBen))['amount_last_day_minor'], 16n)
  })

  it('keeps the newest payments of a payer', async () => {
    const count = paymentsMax + 20
    await remember(...Array.from({ length: count }, (_, index) => settled(nowMs - index, BigInt(index))))
    await isComplete()
    const signals = await store.signalsOf(payment)
    assert.equal(signals['payments_last_hour'], BigInt(paymentsMax))
    assert.equal(signals['amount_last_day_minor'], BigInt((paymentsMax * (paymentsMax - 1)) / 2))
  })

  it('says nothing about more time than it was watching', async () => {
    assert.deepEqual(await namesNow(), [])
    await remember(settled(nowMs, 1n))
    assert.deepEqual(await namesNow(), ['first_payment_to_payee'])
    nowMs += hourMs
    assert.deepEqual(await namesNow(), ['payments_last_hour', 'first_payment_to_payee'])
    nowMs += dayMs
    assert.ok((await namesNow()).includes('amount_last_day_minor'))
  })

  it('begins anew when everything, some of it or the last of it was forgotten', async () => {
    for (const forget of [
      () => own.flushdb(),
      // As a server that came back from an older copy finds it.
      () => own.hset('signals', 'run', 'another'),
      () => own.hset('signals', 'evicted', '1000000'),
    ]) {
      await remember(...Array.from({ length: 5 }, () => settled(nowMs, 1n)))
      await isComplete()
      assert.ok((await namesNow()).includes('payments_last_day'))
      await forget()
      await remember(settled(nowMs, 1n))
      assert.equal((await namesNow()).includes('payments_last_hour'), false)
      nowMs += memoryMs
    }
    await own.flushdb()
    assert.deepEqual(await namesNow(), [])
  })

  it('begins anew after it could not remember something', async () => {
    await remember(settled(nowMs, 1n))
    await isComplete()
    await own.set('signals.payments.THB.users/ann', 'not a set')
    await remember(settled(nowMs, 1n))
    await own.del('signals.payments.THB.users/ann')
    await remember(settled(nowMs, 1n))
    assert.equal((await namesNow()).includes('payments_last_hour'), false)
  })

  it('leaves signals out while Valkey hangs, soon without asking, and tells them again afterwards', async () => {
    await remember(settled(nowMs, 1n))
    await isComplete()
    assert.ok((await namesNow()).length > 0)
    store = storeOf(20)
    proxy.freeze()
    for (let index = 0; index < 5; index++) assert.deepEqual(await namesNow(), [])
    assert.equal(await outcome('failed'), 5)
    assert.deepEqual(await namesNow(), [])
    assert.equal(await outcome('skipped'), 1)
    proxy.mend()
    await until(async () => {
      elapsedMs += 1_000
      return (await namesNow()).includes('payments_last_hour')
    }, 'signals are told again')
  })

  it('leaves signals out while Valkey is gone, and has events wait for it', async () => {
    await remember(settled(nowMs, 1n))
    await isComplete()
    proxy.cut()
    await until(() => valkey.status !== 'ready', 'the connection is lost')
    assert.deepEqual(await namesNow(), [])
    const event = settled(nowMs, 2n)
    await assert.rejects(remember(event))
    proxy.mend()
    elapsedMs += 10_000
    await until(() => valkey.status === 'ready', 'connected again')
    await remember(event)
    await until(async () => (await store.signalsOf(payment))['amount_last_day_minor'] === 3n, 'nothing was lost')
  })
})
