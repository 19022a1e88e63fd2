import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { GetUserRequest, UserServiceService } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { RpcError } from '../../runtime/rpc-error.js'
import { TestIdentity } from './harness.js'
import { check, newClient, signed } from './signed-requests.js'
import { SwitchableDatabase } from './switchable-database.js'

describe('while the database is away', () => {
  let identity: TestIdentity
  let database: SwitchableDatabase
  before(async () => {
    identity = await TestIdentity.start()
    database = await SwitchableDatabase.connect(identity.databaseUrl)
  })
  after(async () => {
    await database.close()
    await identity.stop()
  })

  it('calls are answered UNAVAILABLE, without a word of why, and work again after', async () => {
    const { name } = await identity.register()
    const get = () =>
      identity.call(UserServiceService.getUser, GetUserRequest.fromPartial({ name }), { claims: { sub: name } })
    await get()

    const { key } = await newClient(identity)
    await database.goAway()
    for (let attempt = 0; attempt < 3; attempt++) {
      await assert.rejects(get(), (error: RpcError) => {
        assert.equal(error.code, status.UNAVAILABLE)
        assert.equal(error.reason, 'DEPENDENCY_UNAVAILABLE')
        assert.doesNotMatch(error.message, /database|connection|postgres/i)
        return true
      })
    }

    // The edge takes this for 503: what cannot be checked does not pass.
    const sent = () => check(identity, signed(key, identity.clock.nowMs()))
    await assert.rejects(sent(), { reason: 'DEPENDENCY_UNAVAILABLE' })

    await database.comeBack()
    assert.equal((await get()).user?.name, name)
    assert.equal((await sent()).status, 200)
  })
})
