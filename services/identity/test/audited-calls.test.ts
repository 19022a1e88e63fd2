import assert from 'node:assert/strict'
import {
  type AuditRecord,
  AuditRecordKind,
  AuditServiceService,
  ListAuditRecordsRequest,
  type ListAuditRecordsResponse,
} from '../../../gen/paymesh/identity/v1/audit_service.js'
import {
  GrantRoleRequest,
  RevokeRoleRequest,
  RoleServiceService,
} from '../../../gen/paymesh/identity/v1/role_service.js'
import {
  CreateSessionRequest,
  RefreshSessionRequest,
  SessionServiceService,
} from '../../../gen/paymesh/identity/v1/session_service.js'
import {
  ChangePasswordRequest,
  RequestPasswordResetRequest,
  ResetPasswordRequest,
  UserServiceService,
} from '../../../gen/paymesh/identity/v1/user_service.js'
import { admin, assertFails, type CallAs, type Failure, TestIdentity } from './harness.js'

const kindName = (kind: AuditRecordKind) => Object.entries(AuditRecordKind).find(([, known]) => known === kind)?.[0]

describe('audit records', () => {
  let identity: TestIdentity
  let ann: { name: string; email: string; password: string }
  /** The last record before the test. */
  let last: bigint
  before(async () => {
    identity = await TestIdentity.start()
  })
  beforeEach(async () => {
    ann = await identity.registerVerified()
    last = (await identity.parts.audit.head()).sequence
  })
  afterEach(() => identity.pool.query('alter table audit_records drop constraint if exists broken'))
  after(() => identity.stop())

  const operator: CallAs = { peer: 'operator' }
  const list = async (request: object = {}): Promise<ListAuditRecordsResponse> =>
    identity.call(AuditServiceService.listAuditRecords, ListAuditRecordsRequest.fromPartial(request), operator)
  /** Those of the test, in the order in which they were written. */
  const records = async (request: object = {}): Promise<AuditRecord[]> =>
    (await list({ pageSize: 1000, ...request })).records.reverse().filter(({ sequence }) => sequence > last)
  const grant = (user: string, role: string, as: CallAs = { claims: admin }) =>
    identity.call(RoleServiceService.grantRole, GrantRoleRequest.fromPartial({ user, role }), as)
  const revoke = (user: string, role: string) =>
    identity.call(RoleServiceService.revokeRole, RevokeRoleRequest.fromPartial({ user, role }), { claims: admin })
  const linesOf = (found: readonly AuditRecord[]) =>
    found.map(({ kind, action, code, reason }) => [kindName(kind), action, code, reason].join(' ').trim())

  it('tell of a call before it and after it, and of what it did', async () => {
    await grant(ann.name, 'support')
    const [begun, event, ended] = await records()
    assert.deepEqual(linesOf([begun!, event!, ended!]), [
      'CALL_BEGUN RoleService/GrantRole',
      'EVENT ROLE_GRANTED',
      'CALL_ENDED RoleService/GrantRole OK',
    ])
    for (const record of [begun!, event!, ended!]) {
      const { subject, actor, peer, resource, session } = record
      assert.deepEqual([subject, actor, peer, resource], [admin.sub, admin.sub, 'edge', ann.name])
      assert.match(session, /^sessions\//)
      assert.equal(record.traceId, begun!.traceId)
    }
    assert.equal(begun!.call, ended!.call)
    assert.deepEqual([begun!.requestDigest.length, event!.requestDigest.length], [32, 0])
    assert.deepEqual(event!.details, { role: 'support' })
    const line = identity.logged.find((text) => text.includes('auditSequence'))
    assert.ok(line?.includes(Buffer.from(ended!.hash).toString('hex')), 'the log keeps the hash')
  })

  it('tell of what changed nothing as a call without an event', async () => {
    await grant(ann.name, 'support')
    await grant(ann.name, 'support', operator)
    const found = (await records()).slice(3)
    assert.deepEqual(linesOf(found), ['CALL_BEGUN RoleService/GrantRole', 'CALL_ENDED RoleService/GrantRole OK'])
    assert.deepEqual(found[0]!.subject, 'peers/operator')
  })

  it('tell why a call failed, and not what a caller wrote for a name', async () => {
    await assertFails(revoke(ann.name, 'risk'), {
      reason: 'GRANT_NOT_FOUND',
      code: 'NOT_FOUND',
      metadata: { user: ann.name, role: 'risk' },
    })
    await assertFails(grant(`users/${ann.email}`, 'risk'), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['user'],
    })
    const found = await records()
    assert.deepEqual(linesOf(found), [
      'CALL_BEGUN RoleService/RevokeRole',
      'CALL_ENDED RoleService/RevokeRole NOT_FOUND GRANT_NOT_FOUND',
      'CALL_BEGUN RoleService/GrantRole',
      'CALL_ENDED RoleService/GrantRole INVALID_ARGUMENT INVALID_FIELD',
    ])
    assert.deepEqual([found[0]!.resource, found[2]!.resource], [ann.name, ''])
  })

  it('do not tell of what was refused at the door, which is in the log', async () => {
    await assert.rejects(grant(ann.name, 'risk', { claims: { sub: ann.name } }), { reason: 'PERMISSION_MISSING' })
    assert.deepEqual(await records(), [])
    assert.ok(identity.logged.some((line) => line.includes('"audit":true') && line.includes('PERMISSION_MISSING')))
  })

  it('come first: what cannot be told is not done', async () => {
    await identity.pool.query('alter table audit_records add constraint broken check (false) not valid')
    await assert.rejects(grant(ann.name, 'risk'), { reason: 'INTERNAL' })
    const { rows } = await identity.pool.query('select from grants where role = $1', ['risk'])
    assert.equal(rows.length, 0)
  })

  it('that cannot be completed do not undo what was done', async () => {
    await identity.pool.query(`alter table audit_records add constraint broken check (kind <> 'CALL_ENDED') not valid`)
    await grant(ann.name, 'risk')
    assert.deepEqual(linesOf(await records()), ['CALL_BEGUN RoleService/GrantRole', 'EVENT ROLE_GRANTED'])
    assert.ok(identity.logged.some((line) => line.includes('what became of an audited call could not be kept')))
  })

  it('tell of roles granted and taken once, however many ask at once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => grant(ann.name, 'risk')))
    await Promise.allSettled(Array.from({ length: 8 }, () => revoke(ann.name, 'risk')))
    const events = (await records()).filter(({ kind }) => kind === AuditRecordKind.EVENT)
    assert.deepEqual(
      events.map(({ action }) => action),
      ['ROLE_GRANTED', 'ROLE_REVOKED'],
    )
  })

  it('tell of passwords that were changed and reset', async () => {
    const change = { name: 'users/me', currentPassword: ann.password, newPassword: 'another horse' }
    const claims = { sub: ann.name }
    await identity.call(UserServiceService.changePassword, ChangePasswordRequest.fromPartial(change), { claims })
    const { email } = ann
    await identity.call(UserServiceService.requestPasswordReset, RequestPasswordResetRequest.fromPartial({ email }))
    const reset = { email, code: await identity.codeOf(email), newPassword: 'third horse' }
    await identity.call(UserServiceService.resetPassword, ResetPasswordRequest.fromPartial(reset))
    assert.deepEqual(
      (await records()).map(({ action, subject, resource }) => [action, subject, resource]),
      [
        ['PASSWORD_CHANGED', ann.name, ann.name],
        ['PASSWORD_RESET', 'anonymous', ann.name],
      ],
    )
  })

  it('tell once that a refresh token was used again', async () => {
    const { refreshToken, session } = await identity.signIn(ann)
    const refresh = () =>
      identity.call(SessionServiceService.refreshSession, RefreshSessionRequest.fromPartial({ refreshToken }))
    await refresh()
    for (let i = 0; i < 3; i++) await assert.rejects(refresh())
    const [record, ...others] = await records()
    assert.deepEqual(
      [record!.action, record!.resource, record!.details],
      ['REFRESH_TOKEN_REUSED', ann.name, { session }],
    )
    assert.deepEqual(others, [])
  })

  it('tell when wrong passwords begin to wait, for an address that somebody has and one that nobody has', async () => {
    const tries = async (email: string) => {
      const request = CreateSessionRequest.fromPartial({ email, password: 'wrong horse' })
      for (let i = 0; i < 12; i++) await assert.rejects(identity.call(SessionServiceService.createSession, request))
    }
    await tries(ann.email)
    await tries('nobody@example.com')
    assert.deepEqual(
      (await records()).map(({ action, resource }) => [action, resource]),
      [
        ['SIGN_IN_SLOWED', ann.name],
        ['SIGN_IN_SLOWED', ''],
      ],
    )
  })

  it('are listed newest first, by page and by filter', async () => {
    const bob = (await identity.register()).name
    await grant(ann.name, 'risk')
    const startTime = { seconds: BigInt(Math.floor(identity.clock.nowMs() / 1000) + 60), nanos: 0 }
    identity.clock.advance(120_000)
    await grant(bob, 'risk', operator)
    const all = (await list({ pageSize: 1000 })).records
    assert.deepEqual(
      all.map(({ sequence }) => sequence),
      Array.from({ length: all.length }, (_, index) => BigInt(all.length - index)),
    )
    const first = await list({ pageSize: 4 })
    const second = await list({ pageSize: 1000, pageToken: first.nextPageToken })
    assert.deepEqual([...first.records, ...second.records], all)
    assert.equal(second.nextPageToken, '')
    const count = async (request: object) => (await list({ pageSize: 1000, ...request })).records.length
    assert.equal(await count({ subject: admin.sub, resource: ann.name }), 3)
    assert.equal(await count({ resource: bob }), 3)
    assert.equal(await count({ action: 'ROLE_GRANTED', resource: bob }), 1)
    assert.equal(await count({ startTime }), 3)
    assert.equal(await count({ endTime: startTime }), all.length - 3)
    assert.equal(await count({ resource: ann.name, subject: 'peers/operator' }), 0)
  })

  const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
  const cases: [string, object, string][] = [
    ['a huge subject', { subject: 'x'.repeat(257) }, 'subject'],
    ['a time before 1970', { startTime: { seconds: -1n, nanos: 0 } }, 'start_time'],
    ['too large a page', { pageSize: 1001 }, 'page_size'],
    ['a token of nothing', { pageToken: 'x' }, 'page_token'],
  ]
  for (const [title, request, field] of cases) {
    it(`say INVALID_FIELD to ${title}`, async () => {
      await assertFails(list(request), invalid(field))
    })
  }

  it('say INVALID_FIELD to a token of another filter', async () => {
    await grant(ann.name, 'risk')
    const { nextPageToken } = await list({ pageSize: 1 })
    await assertFails(list({ pageToken: nextPageToken, subject: ann.name }), invalid('page_token'))
  })
})
