import assert from 'node:assert/strict'
import { once } from 'node:events'
import type pg from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { createPool, isDatabaseAway, isUniqueViolation, sqlState, transaction } from '../postgres.js'

describe('a pool', () => {
  let pool: pg.Pool

  before(async () => {
    pool = createPool({
      url: await testDatabase('ledger'),
      max: 2,
      applicationName: 'runtime-test',
      statementTimeoutMs: 200,
    })
    await pool.query('create table pool_test (id int8 primary key)')
  })
  after(() => pool.end())

  it('reads int8 as bigint and numeric as text', async () => {
    const { rows } = await pool.query(`select 9223372036854775807::int8 as a, array[1, null]::int8[] as b,
      array[]::int8[] as c, 1.5::numeric as d, 7::int4 as e, null::int8 as f`)
    assert.deepEqual(rows, [{ a: 9223372036854775807n, b: [1n, null], c: [], d: '1.5', e: 7, f: null }])
  })

  it('says who it is and how long a statement may run', async () => {
    const { rows } = await pool.query("select current_setting('application_name') as name")
    assert.deepEqual(rows, [{ name: 'runtime-test' }])
    await assert.rejects(pool.query('select pg_sleep(5)'), (error) => sqlState(error) === '57014')
  })

  it('survives the end of an idle connection', async () => {
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
    const other = createPool({ url: pool.options.connectionString!, max: 1, applicationName: 'killer' })
    await other.query('select pg_terminate_backend($1)', [rows[0]!.pid])
    await other.end()
    const query = async () => {
      for (;;) {
        const answer = await pool.query('select 1 as one').catch(() => undefined)
        if (answer !== undefined) return answer.rows as unknown[]
      }
    }
    assert.deepEqual(await query(), [{ one: 1 }])
  })

  it('survives the end of a connection within a transaction, which rejects', async () => {
    const end = async (pid: number) => {
      const other = createPool({ url: pool.options.connectionString!, max: 1, applicationName: 'killer' })
      await other.query('select pg_terminate_backend($1)', [pid])
      await other.end()
    }
    const pid = 'select pg_backend_pid() as pid'
    const whileAsked = transaction(pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>(pid)
      await Promise.all([client.query('select pg_sleep(0.1)'), end(rows[0]!.pid)])
    })
    await assert.rejects(whileAsked, isDatabaseAway)
    const betweenTwo = transaction(pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>(pid)
      const closed = once(client, 'end')
      await end(rows[0]!.pid)
      await closed
    })
    await assert.rejects(betweenTwo)
    assert.deepEqual((await pool.query('select 1 as one')).rows, [{ one: 1 }])
    assert.equal(pool.idleCount, pool.totalCount)
  })

  it('commits a transaction that resolves and rolls back one that rejects', async () => {
    await transaction(pool, (client) => client.query('insert into pool_test values (1)'))
    const failing = transaction(pool, async (client) => {
      await client.query('insert into pool_test values (2)')
      throw new Error('no')
    })
    await assert.rejects(failing, /no/)
    const { rows } = await pool.query('select id from pool_test')
    assert.deepEqual(rows, [{ id: 1n }])
    assert.equal(pool.idleCount, pool.totalCount)
  })

  it('tells what passes by itself from what does not', async () => {
    const failed = (statement: string) =>
      pool.query(statement).then(
        () => assert.fail(statement),
        (caught: unknown) => caught,
      )
    const raised = (code: string) => failed(`do $$ begin raise exception using errcode = '${code}'; end $$`)
    assert.ok(isDatabaseAway(await failed('select pg_sleep(5)')), 'a statement that took too long')
    for (const code of ['53100', '53200', '25006', '58030', '57P03', '08006']) {
      assert.ok(isDatabaseAway(await raised(code)), code)
    }
    for (const code of ['22003', '23505', '42P01', '54000', 'XX000']) {
      assert.ok(!isDatabaseAway(await raised(code)), code)
    }
  })

  it('tells a unique violation from other errors', async () => {
    const error: unknown = await pool.query('insert into pool_test values (1)').catch((caught: unknown) => caught)
    assert.ok(isUniqueViolation(error))
    assert.ok(isUniqueViolation(error, 'pool_test_pkey'))
    assert.ok(!isUniqueViolation(error, 'another_key'))
    assert.ok(!isUniqueViolation(new Error('23505')))
    assert.equal(sqlState(error), '23505')
    assert.equal(sqlState(undefined), undefined)
  })
})
