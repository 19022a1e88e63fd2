import assert from 'node:assert/strict'
import { ChangePasswordRequest, UserServiceService } from '../../../gen/paymesh/identity/v1/user_service.js'
import { rpcErrorFrom } from '../../runtime/rpc-error.js'
import { type CallAs, assertFails, type Failure, TestIdentity } from './harness.js'

const tooMany: Failure = { reason: 'TOO_MANY_TRIES', code: 'RESOURCE_EXHAUSTED' }
const wrong: Failure = { reason: 'WRONG_CREDENTIALS', code: 'UNAUTHENTICATED' }
const home: CallAs = { clientAddress: '192.0.2.1' }
const attacker: CallAs = { clientAddress: '198.51.100.9' }

describe('guessing passwords', () => {
  let identity: TestIdentity
  beforeEach(async () => {
    identity = await TestIdentity.start()
  })
  afterEach(() => identity.stop())

  const guess = (email: string, as: CallAs, password = 'a guess') => identity.signIn({ email, password }, as)
  const reasonsOf = async (calls: Promise<unknown>[]): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {}
    for (const outcome of await Promise.allSettled(calls)) {
      const reason = outcome.status === 'fulfilled' ? 'right' : rpcErrorFrom(outcome.reason).reason
      counts[reason] = (counts[reason] ?? 0) + 1
    }
    return counts
  }

  it('of one account a thousand times at once gets ten looked at, and hinders nobody else', async () => {
    const [victim, other] = [await identity.registerVerified(), await identity.registerVerified()]
    const before = identity.parts.passwords.hashCount
    // Long, for a machine that has other things to do.
    const timeoutMs = 30_000
    const guesses = Array.from({ length: 1000 }, () => guess(victim.email, { ...attacker, timeoutMs }))
    const reasons = reasonsOf(guesses)
    await identity.signIn(other, { ...home, timeoutMs })
    assert.deepEqual(await reasons, { WRONG_CREDENTIALS: 10, TOO_MANY_TRIES: 990 })
    // Ten, and one of the other user.
    assert.equal(identity.parts.passwords.hashCount - before, 11)
    const { retryAfterMs } = await assertFails(guess(victim.email, attacker, victim.password), tooMany)
    assert.equal(retryAfterMs, 1000)
    identity.clock.advance(1000)
    assert.equal((await identity.signIn(victim, attacker)).user, victim.name)
  }).timeout(60_000)

  it('waits longer each time, never more than a quarter of an hour, and the right password still counts then', async () => {
    const victim = await identity.registerVerified()
    for (let i = 0; i < 10; i++) await assertFails(guess(victim.email, attacker), wrong)
    const waits: number[] = []
    for (let i = 0; i < 12; i++) {
      const { retryAfterMs } = await assertFails(guess(victim.email, attacker), tooMany)
      waits.push(retryAfterMs! / 1000)
      identity.clock.advance(retryAfterMs!)
      await assertFails(guess(victim.email, attacker), wrong)
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900])
    identity.clock.advance(900_000)
    await identity.signIn(victim)
    for (let i = 0; i < 10; i++) await assertFails(guess(victim.email, attacker), wrong)
  })

  it('never keeps the owner out where they signed in before', async () => {
    const victim = await identity.registerVerified()
    await identity.signIn(victim, home)
    await reasonsOf(Array.from({ length: 20 }, () => guess(victim.email, attacker)))
    await assertFails(identity.signIn(victim, attacker), tooMany)
    await identity.signIn(victim, home)
    // A guesser there has a count of their own, and no more.
    const there = await reasonsOf(Array.from({ length: 20 }, () => guess(victim.email, home)))
    assert.deepEqual(there, { WRONG_CREDENTIALS: 10, TOO_MANY_TRIES: 10 })
  })

  it('is not made easier by registering the address and signing in between', async () => {
    const victim = await identity.registerVerified()
    const stranger = await identity.register({ email: victim.email, password: 'of a stranger' })
    for (let i = 0; i < 10; i++) {
      await identity.signIn(stranger, attacker)
      await assertFails(guess(victim.email, attacker), wrong)
    }
    await assertFails(guess(victim.email, attacker), tooMany)
  })

  it('one password of many accounts from one network waits after a hundred; elsewhere nobody does', async () => {
    for (let batch = 0; batch < 4; batch++) {
      await reasonsOf(Array.from({ length: 25 }, (_, i) => guess(`user-${batch}-${i}@example.com`, attacker)))
    }
    await assertFails(guess('yet-another@example.com', attacker), tooMany)
    const user = await identity.register()
    await assertFails(identity.signIn(user, attacker), tooMany)
    await identity.signIn(user, home)
    identity.clock.advance(60_000)
    await identity.signIn(user, attacker)
  })

  it('costs as much for an unknown address as for a known one, and waits alike', async () => {
    const victim = await identity.registerVerified()
    const { passwords } = identity.parts
    const counts: unknown[] = []
    for (const email of [victim.email, 'unknown@example.com']) {
      const before = passwords.hashCount
      const reasons = await reasonsOf(Array.from({ length: 15 }, () => guess(email, home)))
      counts.push([reasons, passwords.hashCount - before])
    }
    assert.deepEqual(counts[0], counts[1])
    assert.deepEqual(counts[0], [{ WRONG_CREDENTIALS: 10, TOO_MANY_TRIES: 5 }, 10])
  })

  it('takes the same time for both: printed, since a busy machine would fail it', async () => {
    const users = await Promise.all(Array.from({ length: 20 }, () => identity.registerVerified()))
    const timeOf = async (email: string): Promise<number> => {
      const start = performance.now()
      await assertFails(guess(email, {}), wrong)
      return performance.now() - start
    }
    const times: { known: number[]; unknown: number[] } = { known: [], unknown: [] }
    // In turn, and each first as often, so that whatever else the machine does falls on both.
    for (const [index, { email }] of users.entries()) {
      const pair = [['known', email] as const, ['unknown', `unknown-${index}@example.com`] as const]
      for (const [whose, address] of index % 2 === 0 ? pair : pair.reverse()) times[whose].push(await timeOf(address))
    }
    const medianOf = (of: number[]): string =>
      `${of.toSorted((one, other) => one - other)[of.length >> 1]!.toFixed(1)} ms`
    const [known, unknown] = [medianOf(times.known), medianOf(times.unknown)]
    console.log(`    medians of a wrong password: known address ${known}, unknown address ${unknown}`)
  })

  it('with a stolen token is counted, too', async () => {
    const user = await identity.register()
    const change = (currentPassword: string) =>
      identity.call(
        UserServiceService.changePassword,
        ChangePasswordRequest.fromPartial({ name: 'users/me', currentPassword, newPassword: 'another horse' }),
        { claims: { sub: user.name } },
      )
    const reasons = await reasonsOf(Array.from({ length: 30 }, () => change('a guess')))
    assert.deepEqual(reasons, { WRONG_CREDENTIALS: 10, TOO_MANY_TRIES: 20 })
    identity.clock.advance(1000)
    await change(user.password)
  })
})
