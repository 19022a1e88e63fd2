import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import {
  KycDocumentKind,
  KycFinding,
  KycLevel,
  KycRejectReason,
  KycServiceService,
  KycState,
  ReviewKycRequest,
} from '../../../gen/paymesh/identity/v1/kyc_service.js'
import { RefreshSessionRequest, SessionServiceService } from '../../../gen/paymesh/identity/v1/session_service.js'
import { renewalMs, verifiedForMs } from '../kyc/kyc-case.js'
import { assertFails, type Failure, TestIdentity } from '../test/harness.js'
import { bill, getKyc, passport, reviewer, reviewKyc, selfie, submitKyc, verifyKyc } from '../test/kyc-harness.js'

describe('KYC', () => {
  let identity: TestIdentity
  let ann: { name: string; email: string; password: string }
  before(async () => {
    identity = await TestIdentity.start()
  })
  beforeEach(async () => {
    ann = await identity.register()
  })
  after(() => identity.stop())

  const submit = (request: object = {}) => submitKyc(identity, ann.name, request)
  const full = { level: KycLevel.FULL, documents: [passport, selfie, bill] }
  const mine = () => getKyc(identity, { sub: ann.name })
  const failing = (reason: string, code: Failure['code'], metadata = {}): Failure => ({ reason, code, metadata })
  const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
  const eventsOf = async (name: string) =>
    (
      await identity.pool.query<{ action: string }>('select action from audit_records where resource = $1 order by 1', [
        `${name}/kyc`,
      ])
    ).rows.map(({ action }) => action)

  it('begins with nothing', async () => {
    const { name, state, case: id, verifiedLevel } = await mine()
    assert.deepEqual([name, state, id, verifiedLevel], [`${ann.name}/kyc`, KycState.NONE, '', 0])
  })

  it('goes from hand-in through the provider to a person’s decision, with evidence', async () => {
    const submitted = await submit()
    assert.equal(submitted.state, KycState.SUBMITTED)
    const digest = createHash('sha256').update(passport.content).digest()
    assert.deepEqual(
      submitted.documents.map((one) => [one.kind, Buffer.from(one.digest), one.sizeBytes]),
      [[KycDocumentKind.PASSPORT, digest, 10]],
    )
    await identity.parts.kycChecks.check()
    assert.equal((await mine()).state, KycState.IN_REVIEW)
    const seen = await getKyc(identity, reviewer, submitted.name)
    assert.deepEqual([seen.finding, (await mine()).finding], [KycFinding.NOT_CHECKED, 0])
    const verified = await reviewKyc(identity, seen)
    assert.deepEqual([verified.state, verified.verifiedLevel], [KycState.VERIFIED, KycLevel.BASIC])
    assert.equal(Number(verified.expireTime!.seconds) - Number(verified.reviewTime!.seconds), verifiedForMs / 1000)
    assert.deepEqual(await eventsOf(ann.name), [
      'KYC_DECIDED',
      'KYC_SUBMITTED',
      'KycService/ReviewKyc',
      'KycService/ReviewKyc',
    ])
  })

  it('gives tags with the next refresh, and takes them when its time is over', async () => {
    const tokens = await identity.signIn(ann)
    let { refreshToken } = tokens
    const tags = async () => {
      const request = RefreshSessionRequest.fromPartial({ refreshToken })
      const { tokens: next } = await identity.call(SessionServiceService.refreshSession, request)
      refreshToken = next!.refreshToken
      return decodeJwt(next!.accessToken).tags
    }
    assert.deepEqual(await tags(), [])
    await verifyKyc(identity, ann.name)
    assert.deepEqual(await tags(), ['kyc_verified'])
    const higher = await submit(full)
    assert.deepEqual(await tags(), ['kyc_verified'], 'asking for more takes nothing')
    await identity.parts.kycChecks.check()
    await reviewKyc(identity, higher)
    assert.deepEqual(await tags(), ['kyc_verified', 'kyc_full'])
    await identity.pool.query(`update kyc_cases set expire_time = $1 where level = 'FULL'`, [
      new Date(identity.clock.nowMs()),
    ])
    assert.deepEqual(await tags(), ['kyc_verified'])
    assert.deepEqual([(await mine()).state, (await mine()).verifiedLevel], [KycState.EXPIRED, KycLevel.BASIC])
    assert.equal(await identity.parts.kyc.expire(identity.clock.nowMs(), 10), 1)
    assert.ok((await eventsOf(ann.name)).includes('KYC_EXPIRED'))
    assert.equal((await mine()).state, KycState.EXPIRED)
  })

  it('may be tried again after a refusal, and renewed before it ends', async () => {
    const first = await submit()
    await identity.parts.kycChecks.check()
    const refused = await reviewKyc(identity, first, KycRejectReason.UNREADABLE)
    assert.deepEqual([refused.state, refused.rejectReason], [KycState.REJECTED, KycRejectReason.UNREADABLE])
    await verifyKyc(identity, ann.name)
    await assertFails(submit(), failing('KYC_VERIFIED', 'FAILED_PRECONDITION'))
    await identity.pool.query(`update kyc_cases set expire_time = $1 where state = 'VERIFIED'`, [
      new Date(identity.clock.nowMs() + renewalMs),
    ])
    const again = await submit()
    assert.equal(again.verifiedLevel, KycLevel.BASIC)
    assert.notEqual(again.case, first.case)
  })

  it('is handed in once a request id, however often and at the same moment it is sent', async () => {
    const request = { requestId: randomUUID() }
    const all = await Promise.all(Array.from({ length: 8 }, () => submit(request)))
    assert.equal(new Set(all.map((kyc) => kyc.case)).size, 1)
    await identity.parts.kycChecks.check()
    assert.equal((await submit(request)).state, KycState.IN_REVIEW)
    await assertFails(
      submit({ ...request, documents: [{ ...passport, content: Buffer.from('another') }] }),
      failing('REQUEST_ID_REUSED', 'ALREADY_EXISTS', { request_id: request.requestId }),
    )
    await assertFails(
      submit({ ...request, ...full }),
      failing('REQUEST_ID_REUSED', 'ALREADY_EXISTS', { request_id: request.requestId }),
    )
  })

  it('is open once, however many hand in at the same moment', async () => {
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => submit()))
    const reasons = all.flatMap((one) => (one.status === 'rejected' ? [(one.reason as { reason: string }).reason] : []))
    assert.deepEqual(reasons, Array<string>(7).fill('KYC_OPEN'))
  })

  it('is decided once, by one of many who decide at the same moment', async () => {
    const kyc = await submit()
    await identity.parts.kycChecks.check()
    const others = Array.from({ length: 6 }, (_, i) => ({
      ...reviewer,
      sub: `users/0198c0de-0000-7000-8000-00000000000${i}`,
    }))
    const all = await Promise.allSettled(
      others.map((claims, i) => reviewKyc(identity, kyc, i % 2 === 0 ? undefined : KycRejectReason.OTHER, claims)),
    )
    assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 1)
    const winner = all.findIndex(({ status }) => status === 'fulfilled')
    await reviewKyc(identity, kyc, winner % 2 === 0 ? undefined : KycRejectReason.OTHER, others[winner])
    assert.equal((await eventsOf(ann.name)).filter((action) => action === 'KYC_DECIDED').length, 1)
  })

  const many = Array.from({ length: 6 }, () => passport)
  const huge = { ...passport, content: Buffer.alloc(40_001) }
  const submissions: [string, object, Failure][] = [
    [
      'nothing',
      { name: '', requestId: '', level: 0, documents: [] },
      invalid('name', 'request_id', 'level', 'documents'),
    ],
    ['a name of something else', { name: 'users/me' }, invalid('name')],
    ['a request id in capitals', { requestId: randomUUID().toUpperCase() }, invalid('request_id')],
    ['too many documents', { documents: many }, invalid('documents')],
    ['too large a document', { documents: [huge] }, invalid('documents')],
    ['an empty document', { documents: [{ ...passport, content: Buffer.alloc(0) }] }, invalid('documents[0].content')],
    ['a kind twice', { documents: [passport, passport] }, invalid('documents[1].kind')],
    ['a kind that is none', { documents: [{ ...passport, kind: 99 }] }, invalid('documents[0].kind')],
    ['too little for the level', { level: KycLevel.FULL }, invalid('documents')],
    [
      'somebody else',
      { name: 'users/0198c0de-0000-7000-8000-0123456789ab/kyc' },
      failing('NOT_OWNER', 'PERMISSION_DENIED'),
    ],
  ]
  for (const [title, request, failure] of submissions) {
    it(`says ${failure.reason} to ${title}`, async () => {
      await assertFails(submit(request), failure)
    })
  }

  const nobody = 'users/0198c0de-0000-7000-8000-0123456789ab'
  it('says USER_NOT_FOUND to a token that outlived its user', async () => {
    const missing = failing('USER_NOT_FOUND', 'NOT_FOUND', { user: nobody })
    await assertFails(submitKyc(identity, nobody), missing)
    await assertFails(getKyc(identity, { sub: nobody }), missing)
    await assertFails(getKyc(identity, reviewer, `${nobody}/kyc`), missing)
  })

  it('is shown to its user and to reviewers', async () => {
    const other = (await identity.register()).name
    await assertFails(getKyc(identity, { sub: other }, `${ann.name}/kyc`), failing('NOT_OWNER', 'PERMISSION_DENIED'))
    await assertFails(getKyc(identity, { sub: other }, 'x'), invalid('name'))
    assert.equal((await getKyc(identity, reviewer, `${ann.name}/kyc`)).state, KycState.NONE)
  })

  it('is never decided by its user, nor without the permission', async () => {
    const kyc = await submit()
    await identity.parts.kycChecks.check()
    const own = { sub: ann.name, permissions: ['kyc:review'] }
    await assertFails(reviewKyc(identity, kyc, undefined, own), failing('OWN_KYC', 'PERMISSION_DENIED'))
    await assertFails(
      reviewKyc(identity, { ...kyc, name: 'users/me/kyc' }, undefined, own),
      failing('OWN_KYC', 'PERMISSION_DENIED'),
    )
    await assert.rejects(reviewKyc(identity, kyc, undefined, { sub: reviewer.sub }), { reason: 'PERMISSION_MISSING' })
    assert.equal((await mine()).state, KycState.IN_REVIEW)
  })

  it('is decided from IN_REVIEW only', async () => {
    const kyc = await submit()
    const notInReview = (state: string) => failing('KYC_NOT_IN_REVIEW', 'FAILED_PRECONDITION', { state })
    await assertFails(reviewKyc(identity, kyc), notInReview('SUBMITTED'))
    await identity.parts.kycChecks.check()
    await reviewKyc(identity, kyc)
    assert.equal((await reviewKyc(identity, kyc)).state, KycState.VERIFIED)
    await assertFails(reviewKyc(identity, kyc, KycRejectReason.OTHER), notInReview('VERIFIED'))
    const other = { ...reviewer, sub: nobody }
    await assertFails(reviewKyc(identity, kyc, undefined, other), notInReview('VERIFIED'))
  })

  const reviews: [string, object, Failure][] = [
    ['nothing', {}, invalid('name', 'case', 'decision')],
    ['a refusal without a reason', { decision: 2 }, invalid('name', 'case', 'reject_reason')],
    ['a reason of a verification', { decision: 1, rejectReason: 5 }, invalid('name', 'case', 'reject_reason')],
    [
      'a case that is none',
      { name: `${nobody}/kyc`, case: randomUUID(), decision: 1 },
      failing('KYC_NOT_FOUND', 'NOT_FOUND'),
    ],
  ]
  for (const [title, request, failure] of reviews) {
    it(`says ${failure.reason} to a review of ${title}`, async () => {
      const review = ReviewKycRequest.fromPartial(request)
      await assertFails(identity.call(KycServiceService.reviewKyc, review, { claims: reviewer }), failure)
    })
  }

  it('does not find a case under another user', async () => {
    const kyc = await submit()
    const bob = (await identity.register()).name
    await assertFails(reviewKyc(identity, { ...kyc, name: `${bob}/kyc` }), failing('KYC_NOT_FOUND', 'NOT_FOUND'))
  })
})
