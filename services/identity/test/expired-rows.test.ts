import assert from 'node:assert/strict'
import { pino } from 'pino'
import { ExpiredRows } from '../expired-rows.js'
import { TestIdentity } from './harness.js'

describe('ExpiredRows', () => {
  const log = pino({ level: 'silent' })
  let identity: TestIdentity
  beforeEach(async () => {
    identity = await TestIdentity.start()
  })
  afterEach(() => identity.stop())

  const counts = async (): Promise<unknown> => {
    const { rows } = await identity.pool.query<object>(
      'select (select count(*)::int from sessions) as sessions, (select count(*)::int from refresh_tokens) as tokens',
    )
    return rows[0]
  }

  it('deletes whatever expired, in as many batches as it takes, and nothing else', async () => {
    const { user } = await identity.signIn()
    await identity.pool.query(
      `with old as (
          insert into sessions (id, user_id, create_time, expire_time)
          select gen_random_uuid(), $1, now(), $2 from generate_series(1, 1200) returning id
        )
        insert into refresh_tokens (hash, session_id, create_time, expire_time)
        select sha256(convert_to(id::text, 'utf8')), id, now(), $2 from old`,
      [user.slice(6), new Date(identity.clock.nowMs())],
    )
    assert.deepEqual(await counts(), { sessions: 1201, tokens: 1201 })
    const expired = new ExpiredRows({ stores: [identity.parts.sessions], clock: identity.clock, log })
    await expired.sweep()
    await expired.stop()
    assert.deepEqual(await counts(), { sessions: 1, tokens: 1 })
  })

  it('does not fail when the database does', async () => {
    const store = { deleteExpired: () => Promise.reject(new Error('away')) }
    const expired = new ExpiredRows({ stores: [store], clock: identity.clock, log })
    await expired.sweep()
    await expired.stop()
  })
})
