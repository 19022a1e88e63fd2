import assert from 'node:assert/strict'
import { type MethodDefinition, status } from '@grpc/grpc-js'
import { DeviceServiceService } from '../../../gen/paymesh/identity/v1/device_service.js'
import { AuditServiceService } from '../../../gen/paymesh/identity/v1/audit_service.js'
import { KycServiceService } from '../../../gen/paymesh/identity/v1/kyc_service.js'
import { RoleServiceService } from '../../../gen/paymesh/identity/v1/role_service.js'
import { SessionServiceService } from '../../../gen/paymesh/identity/v1/session_service.js'
import { UserServiceService } from '../../../gen/paymesh/identity/v1/user_service.js'
import { requireAccess } from '../../runtime/access.js'
import type { RpcError } from '../../runtime/rpc-error.js'
import { type CallAs, TestIdentity } from './harness.js'

/** Who is refused before a handler runs, RPC by RPC. */
describe('who may call Identity', () => {
  let identity: TestIdentity
  before(async () => {
    identity = await TestIdentity.start()
  })
  after(() => identity.stop())

  const claims = { sub: 'users/0198c0de-0000-7000-8000-0123456789ab', permissions: ['wallet:read', 'intents:write'] }
  const user: CallAs = { claims }
  const nobody: CallAs = {}
  const intent: CallAs = { peer: 'intent', claims: { ...claims, permissions: ['roles:admin'] } }
  const operator: CallAs = { peer: 'operator' }
  const services = [UserServiceService, SessionServiceService, DeviceServiceService, KycServiceService]
  const open = services.flatMap((service) => Object.values<{ path: string }>(service))
  const own = open.filter(({ path }) => !requireAccess(path).public)
  const administration = Object.values({ ...RoleServiceService, ...AuditServiceService })
  const review = [KycServiceService.reviewKyc]

  const refused: [string, { path: string }[], CallAs, string][] = [
    ['another service of the mesh, whatever it claims,', [...open, ...administration], intent, 'PEER_NOT_ALLOWED'],
    ['an operator’s certificate', open, operator, 'PEER_NOT_ALLOWED'],
    ['nobody', [...own, ...administration], nobody, 'NOT_SIGNED_IN'],
    ['a user without the permission', [...administration, ...review], user, 'PERMISSION_MISSING'],
  ]
  for (const [who, methods, as, reason] of refused) {
    for (const method of methods) {
      it(`refuses ${who} at ${method.path}`, async () => {
        await assert.rejects(askEmpty(method, as), (error: RpcError) => error.reason === reason)
      })
    }
  }

  const admitted: [string, { path: string }[], CallAs][] = [
    ['nobody', [UserServiceService.registerUser, SessionServiceService.createSession], nobody],
    ['an operator’s certificate', [RoleServiceService.grantRole, RoleServiceService.revokeRole], operator],
  ]
  for (const [who, methods, as] of admitted) {
    for (const method of methods) {
      it(`admits ${who} to ${method.path}`, async () => {
        await assert.rejects(askEmpty(method, as), (error: RpcError) => error.code === status.INVALID_ARGUMENT)
      })
    }
  }

  it('does not talk to a stranger', async () => {
    await assert.rejects(askEmpty(UserServiceService.registerUser, { peer: 'stranger' }))
  })

  // An empty message has no bytes, whatever its type.
  function askEmpty({ path }: { path: string }, as: CallAs): Promise<unknown> {
    const empty: MethodDefinition<null, Buffer> = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: () => Buffer.alloc(0),
      requestDeserialize: () => null,
      responseSerialize: (bytes) => bytes,
      responseDeserialize: (bytes) => bytes,
    }
    return identity.call(empty, null, as)
  }
})
