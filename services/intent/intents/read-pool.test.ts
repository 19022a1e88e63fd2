import assert from 'node:assert/strict'
import { type Pool } from 'pg'
import { freePort, testDatabase } from '../../../dev/testing.js'
import { createPool } from '../../runtime/postgres.js'
import { createReadPool } from './read-pool.js'

describe('reads of history', () => {
  let primary: Pool
  let replica: Pool
  let unreachable: Pool
  let ms = 0
  const away: unknown[] = []

  const pool = (url: string) => createPool({ url, max: 1, applicationName: 'test' })
  before(async () => {
    const [first, second] = [await testDatabase('intent'), await testDatabase('intent')]
    primary = pool(first)
    replica = pool(second)
    unreachable = pool(`postgres://nobody@127.0.0.1:${await freePort()}/none`)
  })
  beforeEach(() => {
    away.length = 0
  })
  after(() => Promise.all([primary, replica, unreachable].map((each) => each.end())))

  const readPool = (second: Pool | undefined) =>
    createReadPool({ primary, replica: second, elapsedMs: () => ms, onAway: (cause) => away.push(cause) })
  const database = async (at: Pool): Promise<unknown> => (await at.query('select current_database() as name')).rows[0]

  it('go to the replica, or to the primary where there is none', async () => {
    assert.deepEqual(await readPool(undefined)(database), await database(primary))
    assert.deepEqual(await readPool(replica)(database), await database(replica))
    assert.notDeepEqual(await database(primary), await database(replica))
  })

  it('go to the primary while the replica is unreachable, and try it again later', async () => {
    const read = readPool(unreachable)
    const asked: Pool[] = []
    const ask = (at: Pool) => {
      asked.push(at)
      return database(at)
    }
    assert.deepEqual(await read(ask), await database(primary))
    assert.equal(away.length, 1)
    assert.deepEqual(await read(ask), await database(primary))
    assert.deepEqual(asked, [unreachable, primary, primary])
    ms += 10_000
    await read(ask)
    assert.deepEqual(asked.slice(3), [unreachable, primary])
  })

  it('go to the primary once when the replica cancels them for what it replays', async () => {
    const cancelled = `do $$ begin raise exception 'conflict with recovery' using errcode = '40001'; end $$`
    const read = readPool(replica)
    const answer = await read(async (at) => {
      if (at === replica) await at.query(cancelled)
      return await database(at)
    })
    assert.deepEqual(answer, await database(primary))
    assert.deepEqual(away, [])
    assert.deepEqual(await read(database), await database(replica))
  })

  it('fail as they would anywhere for what is wrong with them', async () => {
    const read = readPool(replica)
    await assert.rejects(
      read((at) => at.query('select no_such_column')),
      { code: '42703' },
    )
    assert.deepEqual(away, [])
  })
})
