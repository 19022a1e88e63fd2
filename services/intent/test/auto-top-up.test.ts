import assert from 'node:assert/strict'
import {
  ListTransactionsRequest,
  UpdateAutoTopUpRequest,
  WalletServiceService,
} from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type AutoTopUp } from '../../../gen/paymesh/intent/v1/auto_top_up.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { topUpCrashPoints } from '../crash-points.js'
import { type Intent } from '../intents/intent.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'

const ann = { user: 'ann' } as const

describe('automatic top-ups', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  let shop: Wallet
  /** Where the service is cut off, the next time it comes there. */
  let crashAt: string | undefined
  const crashPoint = (point: string) => {
    if (point !== crashAt) return
    crashAt = undefined
    throw new Error(`crash ${point}`)
  }

  before(async () => {
    mesh = await TestMesh.start()
    intent = await mesh.startIntent({ crashPoint })
    shop = await intent.wallet('ben')
  })
  afterEach(() => mesh.assertConserved())
  after(() => mesh.stop())

  const thb = (minorUnits: bigint) => ({ assetCode: 'THB', minorUnits })

  /** A purse with 1,000 and savings; below 500 the purse gets 2,000 more, at most 10,000 a day. */
  async function pair(savingsMinor: bigint, change: Partial<AutoTopUp> = {}) {
    const purse = await intent.wallet('ann', 100_000n)
    const savings = await intent.wallet('ann', savingsMinor)
    await update(purse, {
      enabled: true,
      threshold: thb(50_000n),
      amount: thb(200_000n),
      source: savings.name,
      dailyCap: thb(1_000_000n),
      ...change,
    })
    return { purse, savings }
  }

  async function update(purse: Wallet, rule: Partial<AutoTopUp>, updateMask?: string[]): Promise<AutoTopUp> {
    const autoTopUp = { ...rule, name: `${purse.name}/autoTopUp` }
    const request = UpdateAutoTopUpRequest.fromPartial({ autoTopUp, ...(updateMask && { updateMask }) })
    return (await intent.call(WalletServiceService.updateAutoTopUp, request, ann)).message.autoTopUp!
  }

  async function ruleOf(purse: Wallet): Promise<AutoTopUp> {
    const request = { name: `${purse.name}/autoTopUp` }
    return (await intent.call(WalletServiceService.getAutoTopUp, request, ann)).message.autoTopUp!
  }

  async function topUpsOf({ name }: Wallet): Promise<Intent[]> {
    const all = await mesh.intents()
    return all.filter((one) => {
      return one.operationType === 'AUTO_TOPUP' && one.payee.kind === 'wallet' && name.endsWith(one.payee.walletId)
    })
  }

  const idOf = ({ name }: Wallet) => name.slice('wallets/'.length)

  /** Pays without a fee and so that what is left is plain. */
  async function spend(purse: Wallet, minorUnits: bigint) {
    const { message } = await intent.pay(
      'ann',
      paymentRequest(purse, shop, minorUnits, { operationType: 'MERCHANT_CHARGE' }),
    )
    return message
  }

  /** Lets time pass for the wallet's rule: a lease, a back-off or an hour. */
  async function pass(purse: Wallet): Promise<void> {
    await mesh.pool.query('update auto_top_ups set check_time = now(), retry_time = null where wallet_id = $1', [
      idOf(purse),
    ])
  }

  /** Waits until nothing is due of the rule and nobody has its lease, everything that its payments tell has been looked at, and answers it. */
  async function settledDown(purse: Wallet): Promise<AutoTopUp> {
    await until(async () => {
      const { rows } = await mesh.pool.query<{ quiet: boolean }>(
        `select (check_time > now() + interval '20 seconds' or retry_time > now()) and pending_minor is null and not exists (select from outbox) as quiet
         from auto_top_ups where wallet_id = $1`,
        [idOf(purse)],
      )
      return rows[0]?.quiet === true
    }, 'the rule rests')
    return await ruleOf(purse)
  }

  it('fill a wallet once, however many payments took it below the threshold', async () => {
    const { purse, savings } = await pair(1_000_000n)
    await settledDown(purse)
    assert.deepEqual(await topUpsOf(purse), [], 'above the threshold nothing happens')
    await Promise.all(Array.from({ length: 20 }, () => spend(purse, 4_000n)))
    await until(async () => (await topUpsOf(purse)).length > 0, 'a top-up')
    const rule = await settledDown(purse)
    const [made, ...more] = await topUpsOf(purse)
    assert.deepEqual(more, [])
    assert.equal(made?.creator, 'peers/intent')
    assert.equal(await intent.available(purse.name), 100_000n - 80_000n + 200_000n)
    assert.equal(await intent.available(savings.name), 800_000n)
    assert.equal(rule.lastIntent, `intents/${made.id}`)
    assert.equal(rule.usedToday?.minorUnits, 200_000n)
    assert.equal(rule.lastFailure, undefined)
  })

  it('are payments that their owner sees', async () => {
    const { purse } = await pair(1_000_000n)
    await spend(purse, 60_000n)
    await until(async () => (await ruleOf(purse)).lastIntent !== '', 'a top-up')
    const request = ListTransactionsRequest.fromPartial({ parent: purse.name })
    const { message } = await intent.call(WalletServiceService.listTransactions, request, ann)
    assert.deepEqual(
      message.transactions.map(({ operationType }) => operationType),
      ['AUTO_TOPUP', 'MERCHANT_CHARGE', 'WALLET_FUNDING'],
    )
  })

  it('go on until there is enough, and never over the cap of a day', async () => {
    const { purse } = await pair(1_000_000n, { threshold: thb(1_000_000n), dailyCap: thb(500_000n) })
    const rule = await settledDown(purse)
    assert.equal((await topUpsOf(purse)).length, 2)
    assert.equal(rule.usedToday?.minorUnits, 400_000n)
    const midnight = Number(rule.nextAttemptTime?.seconds ?? 0n)
    assert.equal(midnight % 86_400, 0)
    assert.ok(midnight * 1000 > Date.now())
    // The next day.
    await mesh.pool.query(`update auto_top_ups set used_day = used_day - 1 where wallet_id = $1`, [idOf(purse)])
    await pass(purse)
    await until(async () => (await topUpsOf(purse)).length === 4, 'the next day’s top-ups')
    assert.equal((await settledDown(purse)).usedToday?.minorUnits, 400_000n)
  })

  it('back off after failures, give the cap back, and begin anew when the rule changes', async () => {
    const { purse, savings } = await pair(0n)
    await spend(purse, 60_000n)
    const waits: number[] = []
    for (let failures = 1; failures <= 2; failures++) {
      await until(async () => (await topUpsOf(purse)).length === failures, `failure ${failures}`)
      const { lastFailure, nextAttemptTime, usedToday } = await settledDown(purse)
      assert.equal(lastFailure?.reason, 'INSUFFICIENT_FUNDS')
      assert.equal(usedToday?.minorUnits, 0n)
      waits.push(Number(nextAttemptTime!.seconds - lastFailure.time!.seconds))
      // A payment does not shorten the wait.
      await spend(purse, 100n)
      await settledDown(purse)
      assert.equal((await topUpsOf(purse)).length, failures)
      await pass(purse)
    }
    assert.deepEqual(waits, [60, 120])
    await until(async () => (await topUpsOf(purse)).length === 3, 'the third failure')
    await settledDown(purse)
    await intent.fund(savings.name, 1_000_000n)
    const changed = await update(purse, { amount: thb(300_000n) })
    assert.equal(changed.nextAttemptTime, undefined)
    assert.equal(changed.lastFailure, undefined)
    await until(async () => (await topUpsOf(purse)).length === 4, 'the top-up of the changed rule')
    assert.equal((await settledDown(purse)).usedToday?.minorUnits, 300_000n)
    const { rows } = await mesh.pool.query('select failures from auto_top_ups where wallet_id = $1', [idOf(purse)])
    assert.deepEqual(rows, [{ failures: 0 }])
  })

  it('of a frozen wallet are refused and wait', async () => {
    const { purse, savings } = await pair(1_000_000n)
    await settledDown(purse)
    await mesh.freezeAccount(purse.ledgerAccount)
    await update(purse, { threshold: thb(500_000n) })
    await until(async () => (await topUpsOf(purse)).length === 1, 'the refused top-up')
    assert.equal((await settledDown(purse)).lastFailure?.reason, 'ACCOUNT_CLOSED')
    assert.equal(await intent.available(savings.name), 1_000_000n)
  })

  for (const point of topUpCrashPoints) {
    it(`cut off ${point} come to one payment`, async () => {
      const { purse } = await pair(1_000_000n)
      await settledDown(purse)
      crashAt = point
      await spend(purse, 60_000n)
      await until(() => crashAt === undefined, 'the crash')
      await pass(purse)
      await until(async () => (await ruleOf(purse)).lastIntent !== '', 'a top-up')
      assert.equal((await settledDown(purse)).usedToday?.minorUnits, 200_000n)
      assert.equal((await topUpsOf(purse)).length, 1)
      assert.equal(await intent.available(purse.name), 240_000n)
    })
  }

  it('that have begun happen although the rule was switched off and changed, and are the last', async () => {
    const { purse } = await pair(1_000_000n)
    await settledDown(purse)
    crashAt = 'after-round'
    await spend(purse, 60_000n)
    await until(() => crashAt === undefined, 'the crash')
    await update(purse, { enabled: false, amount: thb(300_000n) }, ['enabled', 'amount'])
    await until(async () => (await topUpsOf(purse)).length === 1, 'what had begun')
    await until(async () => (await ruleOf(purse)).lastIntent !== '', 'its end')
    assert.equal(await intent.available(purse.name), 240_000n)
    await spend(purse, 200_000n)
    await mesh.allTold()
    await pass(purse)
    // Another wallet's top-up comes after this one's would have.
    const other = await pair(1_000_000n, { threshold: thb(200_000n) })
    await until(async () => (await topUpsOf(other.purse)).length === 1, 'another wallet’s top-up')
    assert.equal((await topUpsOf(purse)).length, 1)
  })

  it('of a process that is killed are made by the next one, once', async () => {
    const { purse } = await pair(1_000_000n)
    await settledDown(purse)
    await intent.drain()
    const dying = await mesh.intentProcess()
    const request = paymentRequest(purse, shop, 60_000n, { operationType: 'MERCHANT_CHARGE' })
    await dying.diesAt('after-top-up', (at) => at.pay('ann', request))
    intent = await mesh.startIntent()
    await pass(purse)
    await until(async () => (await ruleOf(purse)).lastIntent !== '', 'the end of the top-up')
    assert.equal((await topUpsOf(purse)).length, 1)
    assert.equal(await intent.available(purse.name), 240_000n)
  })
})
