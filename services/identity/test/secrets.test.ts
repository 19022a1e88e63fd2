import assert from 'node:assert/strict'
import { ClientServiceService, RotateSecretRequest } from '../../../gen/paymesh/identity/v1/client_service.js'
import {
  CreateSessionRequest,
  RefreshSessionRequest,
  SessionServiceService,
} from '../../../gen/paymesh/identity/v1/session_service.js'
import {
  GrantRoleRequest,
  ListGrantsRequest,
  RevokeRoleRequest,
  RoleServiceService,
} from '../../../gen/paymesh/identity/v1/role_service.js'
import {
  ChangePasswordRequest,
  GetUserRequest,
  RegisterUserRequest,
  RequestPasswordResetRequest,
  ResetPasswordRequest,
  SendContactCodeRequest,
  UserServiceService,
  VerifyContactRequest,
} from '../../../gen/paymesh/identity/v1/user_service.js'
import {
  DeviceServiceService,
  ListDevicesRequest,
  SetPinRequest,
} from '../../../gen/paymesh/identity/v1/device_service.js'
import {
  AuditServiceService,
  ListAuditRecordsRequest,
  VerifyAuditRequest,
} from '../../../gen/paymesh/identity/v1/audit_service.js'
import { KycServiceService } from '../../../gen/paymesh/identity/v1/kyc_service.js'
import { rpcErrorFrom } from '../../runtime/rpc-error.js'
import { newPhone, TestOwner } from './device.js'
import { admin, config, TestIdentity } from './harness.js'
import { check, clientAdmin, newClient, signed } from './signed-requests.js'
import { getKyc, passport, reviewKyc, submitKyc } from './kyc-harness.js'

const email = 'Marked.Person@secret-host.example'
const displayName = 'Markedname Łódź'
const password = 'marked correct horse'
const wrongPassword = 'marked wrong horse'

/** The text, and the other forms in which it might slip into a log or a table. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [
    secret,
    secret.toLowerCase(),
    bytes.toString('hex'),
    bytes.toString('base64').replaceAll('=', ''),
    bytes.toString('base64url'),
  ]
}

describe('secrets', () => {
  let identity: TestIdentity
  const errors: string[] = []
  const secrets = [email, displayName, password, wrongPassword]

  // Every RPC, to success and to every failure that has a secret in its request.
  before(async () => {
    identity = await TestIdentity.start()
    const fails = async (call: Promise<unknown>): Promise<void> => {
      const error = await call.then(() => assert.fail('it should have failed'), rpcErrorFrom)
      errors.push(JSON.stringify([error.message, error.metadata, error.fieldViolations]))
    }
    const register = (user: object | undefined, secret: string) =>
      identity.call(
        UserServiceService.registerUser,
        RegisterUserRequest.fromPartial({ ...(user && { user }), password: secret }),
      )
    const logIn = (address: string, secret: string) =>
      identity.call(
        SessionServiceService.createSession,
        CreateSessionRequest.fromPartial({ email: address, password: secret }),
      )
    const refresh = (refreshToken: string) =>
      identity.call(SessionServiceService.refreshSession, RefreshSessionRequest.fromPartial({ refreshToken }))

    const { user } = await register({ email, displayName }, password)
    secrets.push(await identity.codeOf(email))
    const verify = (name: string, code: string) =>
      identity.call(UserServiceService.verifyContact, VerifyContactRequest.fromPartial({ user: name, code }))
    const wrongCode = '731905'
    secrets.push(wrongCode)
    await fails(verify(user!.name, wrongCode))
    await fails(verify(email, `${wrongCode}1`))
    const sendCode = () =>
      identity.call(UserServiceService.sendContactCode, SendContactCodeRequest.fromPartial({ name: 'users/me' }), {
        claims: { sub: user!.name },
      })
    await sendCode()
    await fails(sendCode())
    const code = await identity.codeOf(email)
    secrets.push(code)
    // One that stays, sealed, in its table.
    await register({ email, displayName }, `${password} too`)
    await verify(user!.name, code)
    await fails(sendCode())
    await fails(register({ email: `${email} `, displayName: `${displayName}\n` }, `${password}\u0000`))
    await fails(
      register({ email: `${email}${'x'.repeat(300)}`, displayName: displayName.repeat(9) }, password.repeat(9)),
    )
    await fails(logIn(email, wrongPassword))
    await fails(logIn(`x${email}`, password))
    await fails(logIn(`${email}@`, `${wrongPassword}\n`))
    const newPassword = 'marked third horse'
    const changePassword = (currentPassword: string, next: string) =>
      identity.call(
        UserServiceService.changePassword,
        ChangePasswordRequest.fromPartial({ name: 'users/me', currentPassword, newPassword: next }),
        { claims: { sub: user!.name } },
      )
    await fails(changePassword(wrongPassword, newPassword))
    await fails(changePassword(password, `${newPassword}\n`))
    await changePassword(password, newPassword)
    await identity.call(UserServiceService.requestPasswordReset, RequestPasswordResetRequest.fromPartial({ email }))
    const resetPassword = (resetCode: string) =>
      identity.call(
        UserServiceService.resetPassword,
        ResetPasswordRequest.fromPartial({ email, code: resetCode, newPassword: password }),
      )
    await fails(resetPassword(wrongCode))
    const resetCode = await identity.codeOf(email)
    await resetPassword(resetCode)
    secrets.push(newPassword, resetCode)
    const { tokens: first } = await logIn(email, password)
    const { tokens: second } = await refresh(first!.refreshToken)
    await fails(refresh(first!.refreshToken))
    await fails(refresh(second!.refreshToken))
    await fails(refresh(`${second!.refreshToken}\n`))
    secrets.push(first!.refreshToken, second!.refreshToken, first!.accessToken, second!.accessToken)

    const phone = newPhone()
    const owner = await TestOwner.of(identity, { email, password })
    const deviceCode = await owner.code()
    const pin = '640297'
    const wrongPin = '640298'
    const setPin = (request: object) =>
      identity.call(DeviceServiceService.setPin, SetPinRequest.fromPartial(request), owner.as())
    await fails(setPin({ pin, password: wrongPassword, code: deviceCode }))
    await fails(setPin({ pin: `${pin}0`, password: `${password}\n`, code: `${deviceCode}0` }))
    await setPin({ pin, password, code: deviceCode })
    await fails(owner.stepUp({ pin: wrongPin }))
    const stepped = [await owner.stepUp({ pin })]
    await fails(owner.finish(await owner.binding(phone, { code: deviceCode, displayName })))
    const attestation = Buffer.from('marked attestation')
    const device = await owner.finish(await owner.binding(phone, { displayName, attestation }), owner.as('pin'))
    await fails(owner.finish(await owner.binding(newPhone(), { displayName: `${displayName}\n` }), owner.as('pin')))
    await fails(owner.stepUp(await owner.proof(device.name, newPhone())))
    stepped.push(await owner.stepUp(await owner.proof(device.name, phone)))
    await identity.call(DeviceServiceService.listDevices, ListDevicesRequest.fromPartial({}), owner.as())
    secrets.push(deviceCode, pin, wrongPin, ...stepped.map(({ accessToken }) => accessToken))

    const name = user!.name
    const get = (asked: string) =>
      identity.call(UserServiceService.getUser, GetUserRequest.fromPartial({ name: asked }), { claims: { sub: name } })
    await get('users/me')
    await fails(get(email))
    const as = { claims: admin }
    await identity.call(RoleServiceService.grantRole, GrantRoleRequest.fromPartial({ user: name, role: 'support' }), as)
    await fails(
      identity.call(RoleServiceService.grantRole, GrantRoleRequest.fromPartial({ user: email, role: password }), as),
    )
    await identity.call(RoleServiceService.listGrants, ListGrantsRequest.fromPartial({ user: name }), as)
    await fails(identity.call(RoleServiceService.listGrants, ListGrantsRequest.fromPartial({ user: email }), as))
    await identity.call(
      RoleServiceService.revokeRole,
      RevokeRoleRequest.fromPartial({ user: name, role: 'support' }),
      as,
    )
    await fails(
      identity.call(RoleServiceService.revokeRole, RevokeRoleRequest.fromPartial({ user: email, role: 'x' }), as),
    )

    const agent = await newClient(identity)
    assert.ok('secret' in agent.key)
    const rotation = RotateSecretRequest.fromPartial({ name: agent.client.name, requestId: 'r' })
    const rotated = await identity.call(ClientServiceService.rotateSecret, rotation, { claims: clientAdmin })
    const sent = signed(agent.key, identity.clock.nowMs())
    for (const expected of [200, 401]) assert.equal((await check(identity, sent)).status, expected)
    secrets.push(agent.key.secret, rotated.secret, sent.headers['signature']!.slice(5, -1))
    for (const { secret } of [agent.key, rotated]) secrets.push(secret.replace('pmsec_', ''))
    const document = Buffer.from('marked passport of Markedname')
    secrets.push(document.toString())
    const marked = { documents: [{ ...passport, content: document }] }
    await fails(submitKyc(identity, name, { ...marked, name: `users/${email}/kyc`, requestId: displayName }))
    const kyc = await submitKyc(identity, name, marked)
    await fails(submitKyc(identity, name, marked))
    await identity.parts.kycChecks.check()
    await getKyc(identity, { sub: name })
    await fails(getKyc(identity, { sub: name }, email))
    await fails(reviewKyc(identity, { name: `${email}/kyc`, case: displayName }))
    await reviewKyc(identity, kyc)
    const listRecords = (request: object) =>
      identity.call(AuditServiceService.listAuditRecords, ListAuditRecordsRequest.fromPartial(request), {
        peer: 'operator',
      })
    await listRecords({ subject: email, resource: displayName, action: password })
    await fails(listRecords({ subject: email.repeat(9), pageToken: displayName }))
    await identity.stream(AuditServiceService.verifyAudit, VerifyAuditRequest.fromPartial({}))

    // A fault inside: what the database says about it goes to the log, and must not carry the row along.
    await identity.pool.query('alter table passwords add constraint broken check (false) not valid')
    await fails(register({ email: `y${email}`, displayName }, password))
    await identity.pool.query('alter table passwords drop constraint broken')

    for (const { key } of [...config.KEY_ENCRYPTION_KEYS, { key: config.BLIND_INDEX_KEY }]) {
      secrets.push(key.reveal().toString('base64'))
    }
  })
  after(() => identity.stop())

  const absentFrom = (text: string): void => {
    assert.ok(text.length > 100)
    for (const form of secrets.flatMap(formsOf)) {
      // Six digits may stand in a longer number or id by chance; a code would stand alone.
      const found = /^\d{6}$/.test(form) ? new RegExp(`(?<![\\w.])${form}(?!\\w)`).test(text) : text.includes(form)
      assert.ok(!found, `found ${form}`)
    }
  }

  it('are in no log record, at any level', () => {
    // The records are there: the search could find something.
    assert.ok(identity.logged.some((line) => line.includes('RefreshSession')))
    absentFrom(identity.logged.join(''))
  })

  it('were sent to every RPC that has a field for one', () => {
    // These are given names and nothing else.
    const without = ['ListSessions', 'RevokeSession', 'RevokeOtherSessions', 'ListDevices', 'UnbindDevice']
    const services = [UserServiceService, SessionServiceService, RoleServiceService, DeviceServiceService]
    const methods = [...services, KycServiceService, AuditServiceService].flatMap((service) =>
      Object.values<{ path: string }>(service).map(({ path }) => path.split('.').at(-1)!),
    )
    const asked = methods.filter((method) => !without.some((name) => method.endsWith(`/${name}`)))
    const logged = identity.logged.join('')
    assert.deepEqual(
      asked.filter((method) => !logged.includes(`"method":"${method}"`)),
      [],
    )
  })

  it('are in no password hash in the log either', () => {
    assert.doesNotMatch(identity.logged.join(''), /argon2/)
  })

  it('are in no error', () => {
    absentFrom(errors.join('\n'))
  })

  it('are in no metric', async () => {
    absentFrom(await identity.metrics.registry.metrics())
  })

  it('are readable in no table', async () => {
    const { rows: tables } = await identity.pool.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    )
    assert.ok(tables.length >= 10)
    const dumps = await Promise.all(
      tables.map(
        async ({ name }) => (await identity.pool.query<{ row: string }>(`select t::text as row from ${name} t`)).rows,
      ),
    )
    const dump = dumps
      .flat()
      .map(({ row }) => row)
      .join('\n')
    assert.match(dump, /argon2id/)
    absentFrom(dump)
  })
})
