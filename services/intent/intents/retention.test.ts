import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { type Pool } from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { assetPath } from '../../runtime/assets.js'
import { createPool } from '../../runtime/postgres.js'
import { countOld, forgetOld } from './retention.js'

describe('retention', () => {
  let url: string
  let pool: Pool
  const cutoff = new Date('2026-01-01T00:00:00Z')

  before(async () => {
    url = await testDatabase('intent')
    pool = createPool({ url, max: 2, applicationName: 'test' })
    await pool.query(
      `insert into provider_events (provider, event_id, transfer_id, status, amount_minor, currency, reference, reason, via,
         effect, receive_time)
       select 'ipps', n::text, n::text, 'SETTLED', 1, 'THB', '', '', 'POLL', 'NONE',
         timestamptz '2026-01-01T00:00:00Z' + make_interval(secs => n)
       from generate_series(-2500, 4) n`,
    )
    await pool.query(
      `insert into discrepancies (id, provider, kind, transfer_id, status, amount_minor, currency, reference, create_time,
         update_time)
       values ($1, 'ipps', 'UNKNOWN_TRANSFER', '-7', 'SETTLED', 1, 'THB', '', now(), now())`,
      [randomUUID()],
    )
    await pool.query(
      `insert into outbox (intent_id, sequence, events, publish_after, dead_time)
       values ($1, 1, '[]', now(), '2025-12-31'), ($1, 2, '[]', now(), null), ($2, 1, '[]', now(), '2026-01-02')`,
      [randomUUID(), randomUUID()],
    )
  })
  after(() => pool.end())

  async function command(...args: string[]): Promise<string> {
    const path = assetPath('dist/services/intent/retention-command.js')
    return (await promisify(execFile)(process.execPath, [path, ...args], { env: { DATABASE_URL: url } })).stdout
  }

  const left = async (table: string) => (await pool.query(`select from ${table}`)).rowCount

  it('says what it would forget, and forgets nothing unless it is told to', async () => {
    const said = await command('--older-than', '30d', '--dead-letters')
    assert.match(
      said,
      /^webhookDeliveries before \S+: 0 to forget\nproviderEvents before \S+: \d+ to forget\ndeadLetters .*\n$/,
    )
    assert.equal(await left('provider_events'), 2505)
    assert.equal(await left('outbox'), 3)
    for (const args of [
      [],
      ['--older-than', '29d'],
      ['--older-than', 'all'],
      ['--older-than', '30d', '--aply'],
      ['--apply'],
    ]) {
      await assert.rejects(command(...args), { code: 64 })
    }
  })

  it('goes by batches up to its bound, and goes on when it is run again', async () => {
    assert.equal(await countOld(pool, 'providerEvents', cutoff, 10_000), 2499)
    assert.equal(await forgetOld(pool, 'providerEvents', cutoff, 1_500), 1_500)
    assert.equal(await forgetOld(pool, 'providerEvents', cutoff, 10_000), 999)
    assert.equal(await forgetOld(pool, 'providerEvents', cutoff, 10_000), 0)
    const { rows } = await pool.query<{ event_id: string }>(
      'select event_id from provider_events order by receive_time',
    )
    // What somebody looks into stays.
    assert.deepEqual(
      rows.map((row) => row.event_id),
      ['-7', '0', '1', '2', '3', '4'],
    )
  })

  it('leaves dead letters unless they are asked for, and then takes old ones alone', async () => {
    await command('--older-than', '30d', '--apply')
    assert.equal(await left('outbox'), 3)
    assert.equal(await forgetOld(pool, 'deadLetters', cutoff, 10), 1)
    assert.equal(await left('outbox'), 2)
  })
})
