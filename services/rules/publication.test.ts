import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type pg from 'pg'
import { testDatabase, testFolder } from '../../dev/testing.js'
import { assetPath } from '../runtime/assets.js'
import { createPool } from '../runtime/postgres.js'
import { publishRuleSet } from './publication.js'
import { PublishedRuleSets } from './published-rule-sets.js'
import { documentSha256, RuleSetInvalidError } from './rule-set.js'
import { readNewestVersion, readRuleSet } from './store.js'
import { eventually } from '../../dev/eventually.js'
import { startReplica } from './test/replica.js'

const route = { id: 'p2p', operation_type: 'P2P_TRANSFER', channel: 'INTERNAL_P2P' }
const documentFor = (channel: string) => ({ routes: [{ ...route, channel }], fees: [] })

describe('publishing', () => {
  let url: string
  let pool: pg.Pool

  beforeEach(async () => {
    url = await testDatabase('rules')
    pool = createPool({ url, max: 12, applicationName: 'test' })
  })
  afterEach(() => pool.end())

  const publish = (document: unknown) => publishRuleSet(pool, { document, author: 'users/o', reason: 'test' })

  it('makes a version only when the newest one says something else', async () => {
    assert.deepEqual(await publish(documentFor('A')), { version: 1n, isNew: true })
    const reordered = { fees: [], routes: [{ channel: 'A', operation_type: 'P2P_TRANSFER', id: 'p2p' }] }
    assert.deepEqual(await publish(reordered), { version: 1n, isNew: false })
    assert.deepEqual(await publish(documentFor('B')), { version: 2n, isNew: true })
    assert.deepEqual(await publish(documentFor('A')), { version: 3n, isNew: true })
  })

  it('numbers without gaps whoever publishes at once, and takes one of several equal documents', async () => {
    const channels = ['A', 'A', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']
    const published = await Promise.all(channels.map((channel) => publish(documentFor(channel))))
    const { rows } = await pool.query<{ version: bigint; document: unknown; document_sha256: Buffer }>(
      'select version, document, document_sha256 from rule_sets order by version',
    )
    assert.deepEqual(
      rows.map((row) => row.version),
      rows.map((_, index) => BigInt(index + 1)),
    )
    assert.deepEqual(new Set(published.map(({ version }) => version)), new Set(rows.map((row) => row.version)))
    assert.equal(published.filter(({ isNew }) => isNew).length, rows.length)
    for (const { document, document_sha256 } of rows) assert.deepEqual(documentSha256(document), document_sha256)
    for (const [index, row] of rows.entries()) assert.notDeepEqual(row.document, rows[index - 1]?.document)
  })

  it('publishes nothing of what it refuses', async () => {
    await assert.rejects(publish({ routes: [{ ...route, condition: 'amount' }], fees: [] }), RuleSetInvalidError)
    assert.equal(await readNewestVersion(pool), undefined)
  })

  it('leaves versions that nobody can change or remove', async () => {
    await publish(documentFor('A'))
    for (const statement of [
      'update rule_sets set author = $$x$$',
      'delete from rule_sets',
      'truncate rule_sets cascade',
    ]) {
      await assert.rejects(pool.query(statement), /never changes/)
    }
  })

  it('is in force on every replica without a restart, with its notification and without', async () => {
    await publish(documentFor('A'))
    // The first replica can only have heard of it; the second can only have looked.
    const [listening, polling] = await Promise.all([startReplica(url, { pollIntervalMs: 60_000 }), startReplica(url)])
    try {
      await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'rules listener' and datname = current_database()`)
      await publish(documentFor('B'))
      await eventually(() => polling.published.newest?.version === 2n)
      await eventually(() => listening.published.newest?.version === 2n)
      await publish(documentFor('C'))
      await eventually(() => listening.published.newest?.version === 3n)
    } finally {
      await Promise.all([listening.stop(), polling.stop()])
    }
  })

  it('holds sixteen versions compiled and loads one that many ask for at once only once', async () => {
    for (let index = 1; index <= 20; index += 1) await publish(documentFor(`C${index}`))
    let reads = 0
    const published = new PublishedRuleSets({
      newestVersion: () => readNewestVersion(pool),
      find: (version) => {
        reads += 1
        return readRuleSet(pool, version)
      },
    })
    const found = await Promise.all(Array.from({ length: 5 }, () => published.find(1n)))
    assert.ok(found.every((ruleSet) => ruleSet !== undefined && ruleSet === found[0]))
    assert.equal(reads, 1)
    for (let version = 2n; version <= 17n; version += 1n) await published.find(version)
    assert.equal(reads, 17)
    await published.find(17n)
    assert.equal(reads, 17)
    await published.find(1n)
    assert.equal(reads, 18)
  })

  it('keeps the version before in force when a newer one cannot be loaded', async () => {
    await publish(documentFor('A'))
    const published = new PublishedRuleSets({
      newestVersion: () => readNewestVersion(pool),
      find: (version) => readRuleSet(pool, version),
    })
    await published.refresh()
    await pool.query(
      `insert into rule_sets (version, document, document_sha256, author, reason)
       values (2, '{"of": "a later release"}', $1, 'users/o', 'test')`,
      [Buffer.alloc(32)],
    )
    await assert.rejects(published.refresh(), RuleSetInvalidError)
    assert.equal(published.newest?.version, 1n)
  })
})

describe('publish.js', () => {
  const run = promisify(execFile)
  let url: string

  before(async () => {
    url = await testDatabase('rules')
  })

  const publishFile = (...args: string[]) =>
    run(process.execPath, [assetPath('dist/services/rules/publish.js'), ...args], {
      env: { ...process.env, DATABASE_URL: url },
    })

  it('publishes the default rule set once', async () => {
    const file = assetPath('services/rules/default-rule-set.json')
    assert.equal((await publishFile(file, '--author', 'users/o', '--reason', 'first')).stdout, 'Published version 1.\n')
    const again = await publishFile(file)
    assert.equal(again.stdout, 'Version 1 already says this; nothing to publish.\n')
    const pool = createPool({ url, max: 1, applicationName: 'test' })
    const { rows } = await pool.query<{ author: string }>('select author, reason, document from rule_sets')
    await pool.end()
    const document: unknown = JSON.parse(readFileSync(file, 'utf8'))
    assert.deepEqual(rows, [{ author: 'users/o', reason: 'first', document }])
  })

  it('says what is wrong with a file, line by line, and exits 1', async () => {
    const file = join(testFolder(), 'bad.json')
    writeFileSync(file, JSON.stringify({ routes: [{ ...route, condition: 'amout > 1' }], fees: [] }))
    await assert.rejects(publishFile(file), {
      code: 1,
      stderr: /cannot be published:\n {2}routes\.p2p\.condition: .*amout/,
    })
    writeFileSync(file, '{')
    await assert.rejects(publishFile(file), { code: 1, stderr: /JSON/ })
    await assert.rejects(publishFile(join(testFolder(), 'absent.json')), { code: 1, stderr: /absent\.json/ })
  })

  it('prints its usage and exits 64 when called wrongly', async () => {
    for (const args of [[], ['a', 'b'], ['a', '--colour', 'red']]) {
      await assert.rejects(publishFile(...args), { code: 64, stderr: /^Usage: / })
    }
  })
})
