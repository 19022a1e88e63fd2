import assert from 'node:assert/strict'
import {
  AuditDamage,
  AuditServiceService,
  type AuditRecord,
  type AuditResult,
  VerifyAuditRequest,
  type VerifyAuditResponse,
} from '../../../gen/paymesh/identity/v1/audit_service.js'
import { transaction } from '../../runtime/postgres.js'
import { appendRecord } from '../audit/audit-chain.js'
import { type AuditEntry, nextRecord } from '../audit/audit-record.js'
import { assertFails, TestIdentity } from './harness.js'

const nameOf = (value: AuditDamage) => Object.entries(AuditDamage).find(([, known]) => known === value)?.[0]

const entry: AuditEntry = {
  timeMs: 1_795_559_681_123,
  kind: 'EVENT',
  callId: undefined,
  subject: 'peers/identity',
  actor: 'peers/identity',
  peer: 'identity',
  session: '',
  traceId: '',
  action: 'KEYS_REWRAPPED',
  resource: '',
  code: '',
  reason: '',
  requestDigest: Buffer.alloc(0),
  details: '{}',
}

describe('the audit chain', () => {
  let identity: TestIdentity
  before(async () => {
    identity = await TestIdentity.start()
  })
  beforeEach(async () => {
    await damage('delete from audit_records', emptied)
    await identity.pool.query('alter table audit_records enable trigger audit_records_append_only')
    await add(1)
  })
  after(() => identity.stop())

  const emptied = `update audit_head set sequence = 0, hash = decode(repeat('00', 32), 'hex')`
  const add = (count: number) =>
    transaction(identity.pool, async (client) => {
      for (let i = 0; i < count; i++)
        await appendRecord(client, { ...entry, details: JSON.stringify({ i: String(i) }) })
    })
  const verify = (request: Partial<AuditRecord> & { knownSequence?: bigint; knownHash?: Buffer } = {}) =>
    identity.stream(AuditServiceService.verifyAudit, VerifyAuditRequest.fromPartial(request))
  const resultOf = (events: readonly VerifyAuditResponse[]): AuditResult => {
    const last = events.at(-1)?.event
    return last?.$case === 'result' ? last.result : assert.fail('there is no result')
  }
  /** As somebody who owns the tables would. */
  const damage = async (...statements: string[]) => {
    await identity.pool.query('alter table audit_records disable trigger audit_records_append_only')
    for (const text of statements) await identity.pool.query(text)
  }

  it('is proven page by page, and its end can be kept elsewhere', async () => {
    await add(2100)
    const events = await verify()
    const progress = events.flatMap(({ event }) => (event?.$case === 'progress' ? [event.progress] : []))
    assert.deepEqual(
      progress.map(({ checkedCount, totalCount }) => [checkedCount, totalCount]),
      [1000n, 2000n, 2101n].map((count) => [count, 2101n]),
    )
    const { damage: found, brokenSequence, checkedCount, headSequence, headHash } = resultOf(events)
    assert.deepEqual([found, brokenSequence, checkedCount, headSequence], [0, 0n, 2101n, 2101n])
    assert.equal(headHash.length, 32)
    const again = resultOf(await verify({ knownSequence: headSequence, knownHash: Buffer.from(headHash) }))
    assert.equal(again.damage, 0)
  })

  it('has one order, however many write at once', async () => {
    await Promise.all(Array.from({ length: 30 }, () => identity.parts.audit.append(entry)))
    const result = resultOf(await verify())
    assert.deepEqual([result.damage, result.headSequence], [0, 31n])
  })

  it('cannot be changed by mistake', async () => {
    await assert.rejects(identity.pool.query(`update audit_records set action = 'x'`), /only ever added/)
    await assert.rejects(identity.pool.query(`delete from audit_records`), /only ever added/)
    await assert.rejects(identity.pool.query(`truncate audit_records`), /only ever added/)
  })

  const swapped = `with one as (select * from audit_records where sequence in (4, 5))
    update audit_records r set details = o.details from one o where r.sequence in (4, 5) and o.sequence = 9 - r.sequence`
  const swappedWhole = `update audit_records set sequence = case sequence when 1004 then 5 else 4 end where sequence > 1000`
  const damages: [string, string[], keyof typeof AuditDamage, bigint][] = [
    ['changed content', [`update audit_records set subject = 'users/x' where sequence = 4`], 'CHANGED', 4n],
    [
      'a time moved by a millisecond',
      [`update audit_records set create_time = create_time + interval '1 ms' where sequence = 2`],
      'CHANGED',
      2n,
    ],
    [
      'a text moved to the next field',
      [`update audit_records set action = '', resource = action where sequence = 3`],
      'CHANGED',
      3n,
    ],
    [
      'another hash',
      [`update audit_records set hash = decode(repeat('ab', 32), 'hex') where sequence = 6`],
      'CHANGED',
      6n,
    ],
    ['the first record removed', ['delete from audit_records where sequence = 1'], 'MISSING', 1n],
    ['a record removed', ['delete from audit_records where sequence = 5'], 'MISSING', 5n],
    ['the last record removed', ['delete from audit_records where sequence = 11'], 'MISSING', 11n],
    ['all records removed', ['delete from audit_records'], 'MISSING', 1n],
    ['the contents of two records swapped', [swapped], 'CHANGED', 4n],
    [
      'two records in each other’s place',
      ['update audit_records set sequence = sequence + 1000 where sequence in (4, 5)', swappedWhole],
      'CHANGED',
      4n,
    ],
    [
      'the head set back',
      ['update audit_head set sequence = 10, hash = (select hash from audit_records where sequence = 10)'],
      'BEYOND_HEAD',
      11n,
    ],
    ['another head', [`update audit_head set hash = decode(repeat('ab', 32), 'hex')`], 'HEAD_DIFFERS', 11n],
  ]
  for (const [title, statements, kind, sequence] of damages) {
    it(`shows ${title}: ${kind} at ${sequence}`, async () => {
      await add(10)
      await damage(...statements)
      const { damage: found, brokenSequence } = resultOf(await verify())
      assert.deepEqual([nameOf(found), brokenSequence], [kind, sequence])
    })
  }

  /** Puts a record of our own making into the table, and the head behind it. */
  const forge = async (record: ReturnType<typeof nextRecord>) => {
    await identity.pool.query(
      `insert into audit_records select ($1::bigint), $2, kind, call_id, subject, actor, peer, session, 'KEYS_REWRAPPED',
        resource, code, reason, request_digest, trace_id, '{}', $3, $4 from audit_records where sequence = 1`,
      [record.sequence, new Date(record.timeMs), record.previousHash, record.hash],
    )
    await identity.pool.query('update audit_head set sequence = $1, hash = $2', [record.sequence, record.hash])
  }

  it('shows a record appended with a wrong hash', async () => {
    await add(3)
    const head = await identity.parts.audit.head()
    await forge({ ...nextRecord(head, entry), hash: Buffer.alloc(32, 7) })
    const { damage: found, brokenSequence } = resultOf(await verify())
    assert.deepEqual([nameOf(found), brokenSequence], ['CHANGED', 5n])
  })

  it('shows a record appended to another chain’s end', async () => {
    await add(3)
    const { sequence } = await identity.parts.audit.head()
    await forge(nextRecord({ sequence, hash: Buffer.alloc(32, 7) }, entry))
    const { damage: found, brokenSequence } = resultOf(await verify())
    assert.deepEqual([nameOf(found), brokenSequence], ['DETACHED', 5n])
  })

  it('shows that the whole chain was made anew to who kept a hash', async () => {
    await add(3)
    const { headSequence: knownSequence, headHash } = resultOf(await verify())
    const known = { knownSequence, knownHash: Buffer.from(headHash) }
    await damage('delete from audit_records', emptied)
    await add(2)
    assert.equal(resultOf(await verify()).damage, 0)
    assert.equal(nameOf(resultOf(await verify(known)).damage), 'MISSING')
    await add(2)
    const { damage: found, brokenSequence } = resultOf(await verify(known))
    assert.deepEqual([nameOf(found), brokenSequence], ['KNOWN_DIFFERS', knownSequence])
  })

  const invalid: [string, object, string][] = [
    ['a negative place', { knownSequence: -1n, knownHash: Buffer.alloc(32) }, 'known_sequence'],
    ['a hash that is too short', { knownSequence: 1n, knownHash: Buffer.alloc(31) }, 'known_hash'],
    ['a hash without a place', { knownHash: Buffer.alloc(32) }, 'known_hash'],
  ]
  for (const [title, request, field] of invalid) {
    it(`VerifyAudit says INVALID_FIELD to ${title}`, async () => {
      await assertFails(verify(request), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: [field] })
    })
  }
})
