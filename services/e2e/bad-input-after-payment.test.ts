import { randomUUID } from 'node:crypto'
import { type Api, type Person, newPerson, payment } from './api.js'
import { theMesh } from './mesh-under-test.js'
import { type RefusedCase, refuses } from './refusals.js'

const huge = '99999999999999999999999999'
const long = 'x'.repeat(5000)

describe('bad input at the public RPCs that follow a payment', () => {
  let alice: Person
  let bob: Person
  let operator: Api

  before(async () => {
    const mesh = await theMesh()
    operator = mesh.operator
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    await operator.fund(alice.wallet, 100_00n)
  })

  it('ConfirmIntent, CancelIntent and RefundIntent', async () => {
    const settled = await alice.api.pay(alice.wallet, bob.wallet, 1_00n)
    const requestId = randomUUID()
    const invalid = { status: 400, reason: 'INVALID_FIELD' }
    const path = (verb: string, name: string = settled.name) => `/v1/${name}:${verb}`
    const hold = (change: object) => {
      const { intent } = payment(alice.wallet, bob.wallet, 1_00n)
      return { path: '/v1/intents', body: { requestId, intent: { ...intent, ...change } } }
    }
    await refuses(alice.api, [
      ...['confirm', 'cancel'].flatMap((verb): RefusedCase[] => [
        { ...invalid, name: `${verb}: a name that is no UUID`, path: path(verb, 'intents/7'), body: {}, field: 'name' },
        { ...invalid, name: `${verb}: no request id`, path: path(verb), body: {}, field: 'request_id' },
        {
          name: `${verb}: an unknown intent`,
          path: path(verb, `intents/${randomUUID()}`),
          body: { requestId },
          status: 404,
          reason: 'INTENT_NOT_FOUND',
        },
        {
          name: `${verb}: somebody else's`,
          caller: bob.api,
          path: path(verb),
          body: { requestId },
          status: 403,
          reason: 'NOT_OWNER',
        },
        { name: `${verb}: settled`, path: path(verb), body: { requestId }, status: 400, reason: 'INTENT_NOT_HELD' },
      ]),
      {
        ...invalid,
        name: 'confirm: zero',
        path: path('confirm'),
        body: { requestId, amount: { assetCode: 'THB', minorUnits: '0' } },
        field: 'amount.minor_units',
      },
      {
        name: 'confirm: an amount beyond 64 bits',
        path: path('confirm'),
        body: { requestId, amount: { assetCode: 'THB', minorUnits: huge } },
        status: 400,
        reason: 'MALFORMED_REQUEST',
      },
      {
        ...invalid,
        name: 'a hold of a year',
        ...hold({ captureMode: 'CAPTURE_MODE_MANUAL', holdDuration: '31536000s' }),
        field: 'intent.hold_duration',
      },
      {
        ...invalid,
        name: 'a hold of half a second',
        ...hold({ captureMode: 'CAPTURE_MODE_MANUAL', holdDuration: '0.5s' }),
        field: 'intent.hold_duration',
      },
      { ...invalid, name: 'a hold of nothing', ...hold({ holdDuration: '60s' }), field: 'intent.hold_duration' },
      {
        ...invalid,
        name: 'a parent of one’s own',
        ...hold({ parent: settled.name }),
        field: 'intent.parent',
      },
      {
        name: 'refund: by a user',
        path: path('refund'),
        body: { requestId },
        status: 403,
        reason: 'PERMISSION_MISSING',
      },
    ])
  })

  it('the operator’s RPCs of intents', async () => {
    const settled = await alice.api.pay(alice.wallet, bob.wallet, 1_00n)
    const admin = (verb: string, name: string = settled.name) => `/v1/admin/${name}:${verb}`
    const invalid = { status: 400, reason: 'INVALID_FIELD' }
    const list = { ...invalid, method: 'GET' }
    const reason = 'because'
    await refuses(operator, [
      ...['resume', 'fail', 'approve', 'reject'].flatMap((verb): RefusedCase[] => [
        {
          ...invalid,
          name: `${verb}: no UUID`,
          path: admin(verb, 'intents/7'),
          body: { reason: undefined },
          field: 'name',
        },
        {
          name: `${verb}: by a user`,
          caller: alice.api,
          path: admin(verb),
          body: {},
          status: 403,
          reason: 'PERMISSION_MISSING',
        },
      ]),
      { ...invalid, name: 'fail: no reason', path: admin('fail'), body: {}, field: 'reason' },
      { name: 'fail: settled', path: admin('fail'), body: { reason }, status: 400, reason: 'INTENT_FINAL' },
      { name: 'approve: settled', path: admin('approve'), body: {}, status: 400, reason: 'INTENT_NOT_IN_REVIEW' },
      { ...invalid, name: 'reject: overlong', path: admin('reject'), body: { reason: long }, field: 'reason' },
      { ...list, name: 'a huge page', path: '/v1/admin/intents?pageSize=1001', field: 'page_size' },
      { ...list, name: 'a parent that is none', path: '/v1/admin/intents?parent=x', field: 'parent' },
      { ...list, name: 'a huge page of stuck ones', path: '/v1/admin/intents:stuck?pageSize=-1', field: 'page_size' },
      { ...list, name: 'totals of no time', path: '/v1/admin/intents:totals', field: 'start_time' },
      { ...invalid, name: 'events of nothing', path: '/v1/admin/events:replay', body: { name: 'x' }, field: 'name' },
    ])
  })
})
