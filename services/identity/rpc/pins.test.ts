import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import { DeviceServiceService, SetPinRequest } from '../../../gen/paymesh/identity/v1/device_service.js'
import { SessionServiceService, StepUpSessionRequest } from '../../../gen/paymesh/identity/v1/session_service.js'
import { TestOwner } from '../test/device.js'
import { assertFails, type Failure, TestIdentity, turnAway } from '../test/harness.js'

const wrongPin: Failure = { reason: 'WRONG_PIN', code: 'UNAUTHENTICATED' }
const wrong: Failure = { reason: 'WRONG_CREDENTIALS', code: 'UNAUTHENTICATED' }
const codeInvalid: Failure = { reason: 'CODE_INVALID', code: 'UNAUTHENTICATED' }
const tooMany: Failure = { reason: 'TOO_MANY_TRIES', code: 'RESOURCE_EXHAUSTED' }
const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
const pin = '274951'

describe('PINs', () => {
  let identity: TestIdentity
  let owner: TestOwner
  before(async () => {
    identity = await TestIdentity.start()
  })
  after(() => identity.stop())
  beforeEach(async () => {
    owner = await TestOwner.create(identity)
  })

  const setPin = (request: object, as = owner.as()) =>
    identity.call(DeviceServiceService.setPin, SetPinRequest.fromPartial(request), as)
  const setFirst = async () => await setPin({ pin, password: owner.password, code: await owner.code() })

  it('step a session up for five minutes', async () => {
    await setFirst()
    assert.equal((await identity.told(owner.email)).kind, 'PIN_CHANGED')
    const stepped = await owner.stepUp({ pin })
    assert.equal(stepped.level, AuthLevel.PIN)
    const { acr, amr, sid, iat, exp } = decodeJwt(stepped.accessToken)
    assert.deepEqual([acr, amr, sid, exp! - iat!], ['pin', ['pwd', 'pin'], owner.tokens.session, 300])
  })

  it('are looked at five times, then ever more slowly, and the right one still counts then', async () => {
    await setFirst()
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => owner.stepUp({ pin: '111222' })))
    assert.ok(tries.every(({ status }) => status === 'rejected'))
    const waits = []
    for (let i = 0; i < 3; i++) {
      const { retryAfterMs } = await assertFails(owner.stepUp({ pin }), tooMany)
      waits.push(retryAfterMs! / 60_000)
      identity.clock.advance(retryAfterMs!)
      await assertFails(owner.stepUp({ pin: '111222' }), wrongPin)
    }
    assert.deepEqual(waits, [1, 2, 4])
    identity.clock.advance(8 * 60_000)
    await owner.stepUp({ pin })
    for (let i = 0; i < 5; i++) await assertFails(owner.stepUp({ pin: '111222' }), wrongPin)
  })

  it('are set anew by a device or by the PIN until now, which forgets wrong tries', async () => {
    await setFirst()
    for (let i = 0; i < 5; i++) await assertFails(owner.stepUp({ pin: '111222' }), wrongPin)
    await assertFails(owner.stepUp({ pin }), tooMany)
    await setPin({ pin: '805316' }, owner.as('device'))
    await assertFails(owner.stepUp({ pin }), wrongPin)
    await owner.stepUp({ pin: '805316' })
    await setPin({ pin }, owner.as('pin'))
    await owner.stepUp({ pin })
  })

  it('cannot be set by a password alone, nor by a code alone', async () => {
    const code = await owner.code()
    await assertFails(setPin({ pin }), invalid('password', 'code'))
    await assertFails(setPin({ pin, password: owner.password }), invalid('code'))
    await assertFails(setPin({ pin, password: 'wrong horse', code }), wrong)
    const wrongCode = code === '000000' ? '000001' : '000000'
    await assertFails(setPin({ pin, password: owner.password, code: wrongCode }), codeInvalid)
    await setPin({ pin, password: owner.password, code })
    await assertFails(setPin({ pin, password: owner.password, code }), codeInvalid)
  })

  const trivial = ['000000', '123456', '654321', '890123', '121212', '123123', '112233', '135791']
  for (const guess of trivial) {
    it(`must not be ${guess}`, async () => {
      await assertFails(setPin({ pin: guess }, owner.as('device')), invalid('pin'))
    })
  }

  it('must be six digits', async () => {
    for (const text of ['', '12345', '27495a', '2749511', '２７４９５１']) {
      await assertFails(setPin({ pin: text }, owner.as('device')), invalid('pin'))
    }
    await assertFails(owner.stepUp({ pin: '12345' }), invalid('pin'))
    const nothing = StepUpSessionRequest.fromPartial({})
    await assertFails(identity.call(SessionServiceService.stepUpSession, nothing, owner.as()), invalid('proof'))
  })

  it('that were never set are wrong, after the same work', async () => {
    const before = identity.parts.passwords.hashCount
    await assertFails(owner.stepUp({ pin }), wrongPin)
    assert.equal(identity.parts.passwords.hashCount - before, 1)
  })

  it('are turned away when too many are checked, and that is not counted', async () => {
    const busy = await TestIdentity.start(turnAway)
    const overloaded: Failure = { reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED' }
    await busy.pool.query(
      `insert into users (id, email_index, email, display_name, create_time)
        values ($1, sha256(''), '', '', now())`,
      [owner.tokens.user.slice(6)],
    )
    await busy.pool.query(
      `insert into sessions (id, user_id, create_time, expire_time) values ($1, $2, now(), now() + interval '1 day')`,
      [owner.tokens.session.slice(9), owner.tokens.user.slice(6)],
    )
    const request = StepUpSessionRequest.fromPartial({ proof: { $case: 'pin', pin } })
    for (let i = 0; i < 7; i++) {
      await assertFails(busy.call(SessionServiceService.stepUpSession, request, owner.as()), overloaded)
    }
    await busy.stop()
  })
})
