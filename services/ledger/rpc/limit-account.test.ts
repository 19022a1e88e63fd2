import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import {
  type AccountServiceService,
  EnsureLimitAccountRequest,
  type EnsureLimitAccountResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { LimitMetric, LimitWindow } from '../../../gen/paymesh/ledger/v1/limit.js'
import { type Client } from '../../runtime/client.js'
import { fromUint128, uuidV5ToUint128 } from '../../runtime/ids.js'
import { TransferStatus } from '../state-machine/status.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { U128_MAX } from '../state-machine/u128.js'
import { assertFails, assertInvalid, makeNamedAccounts, TestLedger, transferEvent } from '../test/harness.js'
import { verifyBooks } from '../test/verify.js'

describe('limits of AccountService', () => {
  let ledger: TestLedger
  let service: Client<typeof AccountServiceService>
  let lastId = 1_000_000n
  before(async () => {
    ledger = await TestLedger.start()
    service = await ledger.accounts()
    await makeNamedAccounts(ledger, ['THB', 'USD'], [])
  })
  afterEach(() => verifyBooks(ledger.pool))
  after(() => ledger.stop())

  const newWindow = (fields: Partial<LimitWindow> = {}) =>
    LimitWindow.fromPartial({
      limit: 'daily',
      scopeKey: `users.${randomUUID()}`,
      window: '2026-11-21',
      metric: LimitMetric.AMOUNT,
      assetCode: 'THB',
      ...fields,
    })
  const ensure = (window: LimitWindow, cap: bigint, version: bigint) =>
    service.ensureLimitAccount(EnsureLimitAccountRequest.fromPartial({ window, cap, version }))
  const usage = async (window: LimitWindow) => (await service.getLimitUsage({ window })).usage!
  const legOf = (limit: EnsureLimitAccountResponse) => ({
    debitAccountId: fromUint128(limit.accountId),
    creditAccountId: fromUint128(limit.sinkAccountId),
    ledger: limit.ledger,
    code: limit.code,
  })
  async function send(fields: Parameters<typeof transferEvent>[1]) {
    const transfer = transferEvent(++lastId, fields)
    const { results } = await ledger.engine.createTransfers([transfer])
    return { id: transfer.id, status: results[0]!.status }
  }
  const spend = async (limit: EnsureLimitAccountResponse, amount: bigint) =>
    (await send({ ...legOf(limit), amount })).status
  const hold = async (limit: EnsureLimitAccountResponse, amount: bigint) =>
    (await send({ ...legOf(limit), amount, flags: TransferFlag.PENDING })).id
  const resolve = async (pendingId: bigint, flags: number, amount: bigint) => {
    const nothing = { debitAccountId: 0n, creditAccountId: 0n, ledger: 0, code: 0 }
    return (await send({ ...nothing, pendingId, flags, amount })).status
  }
  const { CREATED, EXCEEDS_CREDITS } = TransferStatus

  it('opens a window with its cap, lets no more be spent, and says what was used', async () => {
    const window = newWindow()
    assert.deepEqual(await service.getLimitUsage({ window }), {
      account: '',
      usage: { cap: 0n, used: 0n, left: 0n, held: 0n },
    })
    const limit = await ensure(window, 100n, 7n)
    assert.equal(limit.account, `limits/daily.${window.scopeKey}.2026-11-21.7.0`)
    assert.equal(fromUint128(limit.accountId), uuidV5ToUint128('paymesh', limit.account))
    assert.equal(await spend(limit, 60n), CREATED)
    await hold(limit, 30n)
    assert.equal(await spend(limit, 11n), EXCEEDS_CREDITS)
    const used = { cap: 100n, used: 90n, left: 10n, held: 30n }
    assert.deepEqual(await usage(window), used)
    assert.deepEqual(await ensure(window, 100n, 7n), { ...limit, usage: used })
  })

  it('counts payments on a ledger of its own, and caps of nothing let nothing through', async () => {
    const count = { metric: LimitMetric.COUNT, assetCode: '' }
    const [amounts, counts] = [await ensure(newWindow(), 5n, 1n), await ensure(newWindow(count), 2n, 1n)]
    const [asset] = (await (await ledger.admin()).listAssets({ pageSize: 1, pageToken: '' })).assets
    assert.equal(new Set([amounts.ledger, counts.ledger, asset!.ledger]).size, 3)
    assert.deepEqual([await spend(counts, 1n), await spend(counts, 1n)], [CREATED, CREATED])
    assert.equal(await spend(counts, 1n), EXCEEDS_CREDITS)
    assert.equal(await spend(await ensure(newWindow(), 0n, 1n), 1n), EXCEEDS_CREDITS)
  })

  it('keeps windows apart by limit, scope key and window, dots in the key or not', async () => {
    const windows = [
      newWindow({ scopeKey: 'a.b' }),
      newWindow({ scopeKey: 'a.b', window: '2026-11-22' }),
      newWindow({ scopeKey: 'b', limit: 'daily-a' }),
      newWindow({ scopeKey: 'a' }),
    ]
    const ids = await Promise.all(windows.map(async (window) => fromUint128((await ensure(window, 1n, 1n)).accountId)))
    assert.equal(new Set(ids).size, windows.length)
  })

  it('follows a cap that is raised, lowered, lowered below what was used, and raised again', async () => {
    const window = newWindow()
    const steps = [
      { cap: 100n, spent: 40n, left: 60n },
      { cap: 150n, spent: 20n, left: 90n },
      { cap: 90n, spent: 10n, left: 20n },
      { cap: 50n, spent: 0n, left: 0n },
      { cap: 80n, spent: 0n, left: 10n },
      { cap: 80n, spent: 10n, left: 0n },
      { cap: 0n, spent: 0n, left: 0n },
      { cap: 100n, spent: 20n, left: 0n },
    ]
    let used = 0n
    for (const [index, { cap, spent, left }] of steps.entries()) {
      const limit = await ensure(window, cap, BigInt(index + 1))
      if (spent > 0n) assert.equal(await spend(limit, spent), CREATED)
      used += spent
      assert.deepEqual(await usage(window), { cap, used, left, held: 0n }, `step ${index}`)
      assert.equal(await spend(limit, left + 1n), EXCEEDS_CREDITS)
    }
  })

  it('takes nothing from a lower version, and moves nothing for the same cap', async () => {
    const window = newWindow()
    const limit = await ensure(window, 100n, 5n)
    for (const [cap, version] of [
      [500n, 4n],
      [10n, 1n],
      [100n, 9n],
      [70n, 5n],
    ] as const) {
      assert.deepEqual(await ensure(window, cap, version), limit)
    }
  })

  it('takes nothing from a version that is lower than one that had the same cap', async () => {
    const window = newWindow()
    const limit = await ensure(window, 100n, 5n)
    // More than one lookup finds.
    for (let version = 9n; version < 20n; version++) assert.deepEqual(await ensure(window, 100n, version), limit)
    assert.deepEqual(await ensure(window, 500n, 7n), limit)
    assert.deepEqual(await ensure(window, 500n, 19n), limit)
    assert.equal(await spend(limit, 101n), EXCEEDS_CREDITS)
    const raised = await ensure(window, 500n, 20n)
    assert.deepEqual(raised.usage, { cap: 500n, used: 0n, left: 500n, held: 0n })
    assert.deepEqual(await ensure(window, 100n, 19n), raised)
    assert.equal(await spend(limit, 1n), EXCEEDS_CREDITS)
  })

  it('keeps to the newest version that was answered, whoever else arrives at once', async () => {
    for (let round = 0; round < 10; round++) {
      const window = newWindow()
      await ensure(window, 10n, 1n)
      const stragglers = Array.from({ length: 6 }, (_, index) =>
        ensure(window, 1_000n + BigInt(index), BigInt(2 + index)),
      )
      const newest = ensure(window, 10n, 9n).then(() => ensure(window, 1_000n, 8n))
      assert.equal((await newest).usage?.cap, 10n)
      await Promise.all(stragglers)
      assert.equal((await usage(window)).cap, 10n)
    }
  })

  it('keeps the newest version when a process died after it emptied the account', async () => {
    const window = newWindow()
    const limit = await ensure(window, 100n, 2n)
    await ensure(window, 100n, 9n)
    const id = uuidV5ToUint128('paymesh', `limits/empty/${fromUint128(limit.accountId)}/1`)
    const emptying = transferEvent(id, { ...legOf(limit), amount: U128_MAX, flags: TransferFlag.BALANCING_DEBIT })
    await ledger.engine.createTransfers([emptying])
    assert.equal((await ensure(window, 500n, 8n)).usage?.cap, 100n)
  })

  it('lets holds of before post and void, and gives what they free to nobody', async () => {
    const window = newWindow()
    const before = await ensure(window, 100n, 1n)
    const [posted, partly, voided] = [await hold(before, 30n), await hold(before, 20n), await hold(before, 10n)]
    const after = await ensure(window, 200n, 2n)
    assert.equal(await spend(before, 1n), EXCEEDS_CREDITS)
    assert.deepEqual(after.usage, { cap: 200n, used: 60n, left: 140n, held: 60n })
    assert.equal(await resolve(posted, TransferFlag.POST_PENDING_TRANSFER, U128_MAX), CREATED)
    assert.equal(await resolve(partly, TransferFlag.POST_PENDING_TRANSFER, 5n), CREATED)
    assert.equal(await resolve(voided, TransferFlag.VOID_PENDING_TRANSFER, 0n), CREATED)
    assert.deepEqual(await usage(window), { cap: 200n, used: 35n, left: 140n, held: 0n })
    const again = await ensure(window, 100n, 3n)
    assert.equal(again.usage?.left, 40n)
    // Even what a caller of before takes of the freed room was counted as used.
    assert.equal(await spend(before, 26n), EXCEEDS_CREDITS)
    assert.equal(await spend(before, 25n), CREATED)
    assert.equal(await spend(again, 40n), CREATED)
    assert.equal((await usage(window)).used, 100n)
  })

  it('reads a window that many versions confirmed', async () => {
    const window = newWindow()
    const { account } = await ensure(window, 100n, 1n)
    for (let version = 2n; version <= 30n; version += 1n) {
      assert.equal((await ensure(window, 100n, version)).account, account)
    }
    assert.equal((await ensure(window, 500n, 7n)).account, account, 'a straggler finds what all agreed on')
    assert.notEqual((await ensure(window, 50n, 31n)).account, account)
  })

  it('funds a window once when twenty callers with different versions arrive at once', async () => {
    for (let round = 0; round < 3; round++) {
      const window = newWindow()
      const versions = Array.from({ length: 20 }, (_, index) => BigInt(((index * 7) % 20) + 1))
      const spent = await Promise.all(
        versions.map(async (version) => {
          const limit = await ensure(window, version * 10n, version)
          return (await spend(limit, 1n)) === CREATED ? 1n : 0n
        }),
      )
      const used = spent.reduce<bigint>((sum, one) => sum + one, 0n)
      const final = await ensure(window, 500n, 50n)
      assert.deepEqual(final.usage, { cap: 500n, used, left: 500n - used, held: 0n })
      assert.equal(await spend(final, 500n - used + 1n), EXCEEDS_CREDITS)
      assert.equal(await spend(final, 500n - used), CREATED)
    }
  })

  it('funds a window once when fifty callers with one cap arrive at once', async () => {
    const window = newWindow()
    const answers = await Promise.all(Array.from({ length: 50 }, () => ensure(window, 10n, 1n)))
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    assert.equal(answers[0]!.usage?.left, 10n)
  })

  it('is finished by the next call, of whatever version, when a process died between two steps', async () => {
    const cases = [
      { caller: { cap: 300n, version: 3n }, left: 260n, cap: 300n },
      { caller: { cap: 100n, version: 2n }, left: 60n, cap: 100n },
      { caller: { cap: 999n, version: 1n }, left: 60n, cap: 100n },
    ]
    for (const { caller, left, cap } of cases) {
      const window = newWindow()
      const limit = await ensure(window, 100n, 2n)
      assert.equal(await spend(limit, 40n), CREATED)
      const id = uuidV5ToUint128('paymesh', `limits/empty/${fromUint128(limit.accountId)}`)
      const emptying = transferEvent(id, { ...legOf(limit), amount: U128_MAX, flags: TransferFlag.BALANCING_DEBIT })
      await ledger.engine.createTransfers([emptying])
      assert.equal(await spend(limit, 1n), EXCEEDS_CREDITS)
      const next = await ensure(window, caller.cap, caller.version)
      assert.deepEqual(next.usage, { cap, used: 40n, left, held: 0n })
      assert.equal(await spend(next, left), CREATED)
    }
  })

  it('takes the account that was made and never funded', async () => {
    const window = newWindow()
    const account = `limits/daily.${window.scopeKey}.2026-11-21.1.0`
    const id = uuidV5ToUint128('paymesh', account)
    const { ledger: number, code } = await ensure(newWindow(), 1n, 1n)
    const event = { ...transferEvent(id), debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n }
    const made = { ...event, reserved: 0, userData128: 1n, userData64: 20n, ledger: number, code, flags: 2 }
    await ledger.engine.createAccounts([made])
    const limit = await ensure(window, 20n, 1n)
    assert.deepEqual([limit.account, limit.usage?.left], [account, 20n])
  })

  it('names in this order what is malformed, an unknown asset, and a window of another metric', async () => {
    const malformed = newWindow({ limit: 'a.b', scopeKey: '', window: 'x y', metric: 0, assetCode: 'THB' })
    const fields = ['limit', 'scope_key', 'window', 'metric', 'asset_code'].map((field) => `window.${field}`)
    await assertInvalid(ensure(malformed, -1n, 0n), ...fields, 'cap', 'version')
    await assertInvalid(service.getLimitUsage({ window: malformed }), ...fields)
    const nothing = service.ensureLimitAccount({ window: newWindow(), version: 1n })
    await assertInvalid(nothing, 'cap')
    await assertInvalid(ensure(newWindow({ assetCode: '' }), 1n, 1n), 'window.asset_code')
    await assertInvalid(ensure(newWindow({ metric: LimitMetric.COUNT }), 1n, 1n), 'window.asset_code')

    const asset = { reason: 'ASSET_NOT_FOUND', code: status.NOT_FOUND, metadata: { asset_code: 'NOPE' } }
    const mismatch = {
      reason: 'LIMIT_ASSET_MISMATCH',
      code: status.FAILED_PRECONDITION,
      metadata: { limit: 'daily' },
    }
    const window = newWindow()
    await ensure(window, 1n, 1n)
    const others = [
      { assetCode: 'NOPE', failure: asset },
      { assetCode: 'USD', failure: mismatch },
      { assetCode: '', metric: LimitMetric.COUNT, failure: mismatch },
    ]
    for (const { failure, ...fields } of others) {
      for (const version of [1n, 2n]) await assertFails(ensure({ ...window, ...fields }, 1n, version), failure)
      await assertFails(service.getLimitUsage({ window: { ...window, ...fields } }), failure)
    }
  })

  it('lets one metric win when several open one window at once', async () => {
    const window = newWindow()
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        ensure({ ...window, assetCode: index % 2 === 0 ? 'THB' : 'USD' }, 10n, BigInt(1 + (index % 4))),
      ),
    )
    const won = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.ledger] : []))
    assert.ok(won.length > 0)
    assert.equal(new Set(won).size, 1)
  })
})
