import { DeviceServiceService } from '../../gen/paymesh/identity/v1/device_service.js'
import { AuthorizationService } from '../../gen/envoy/service/auth/v3/external_auth.js'
import { ClientServiceService } from '../../gen/paymesh/identity/v1/client_service.js'
import { AuditServiceService } from '../../gen/paymesh/identity/v1/audit_service.js'
import { KycServiceService } from '../../gen/paymesh/identity/v1/kyc_service.js'
import { RoleServiceService } from '../../gen/paymesh/identity/v1/role_service.js'
import { SessionServiceService } from '../../gen/paymesh/identity/v1/session_service.js'
import { UserServiceService } from '../../gen/paymesh/identity/v1/user_service.js'
import { bind, type Binding } from '../runtime/server.js'
import { addKey, type AddKeyDeps } from './rpc/add-key.js'
import { check, type CheckDeps } from './rpc/check.js'
import { createClient as createSigningClient, type CreateClientDeps } from './rpc/create-client.js'
import { disableClient, type DisableClientDeps } from './rpc/disable-client.js'
import { enableClient, type EnableClientDeps } from './rpc/enable-client.js'
import { getClient, type GetClientDeps } from './rpc/get-client.js'
import { listClients, type ListClientsDeps } from './rpc/list-clients.js'
import { removeKey, type RemoveKeyDeps } from './rpc/remove-key.js'
import { rotateSecret, type RotateSecretDeps } from './rpc/rotate-secret.js'
import { updateClient, type UpdateClientDeps } from './rpc/update-client.js'
import { createSession, type CreateSessionDeps } from './rpc/create-session.js'
import { getUser, type GetUserDeps } from './rpc/get-user.js'
import { grantRole, type GrantRoleDeps } from './rpc/grant-role.js'
import { getKyc, type GetKycDeps } from './rpc/get-kyc.js'
import { reviewKyc, type ReviewKycDeps } from './rpc/review-kyc.js'
import { submitKyc, type SubmitKycDeps } from './rpc/submit-kyc.js'
import { listAuditRecords, type ListAuditRecordsDeps } from './rpc/list-audit-records.js'
import { verifyAudit, type VerifyAuditDeps } from './rpc/verify-audit.js'
import { listGrants, type ListGrantsDeps } from './rpc/list-grants.js'
import { refreshSession, type RefreshSessionDeps } from './rpc/refresh-session.js'
import { registerUser, type RegisterUserDeps } from './rpc/register-user.js'
import { sendContactCode, type SendContactCodeDeps } from './rpc/send-contact-code.js'
import { verifyContact, type VerifyContactDeps } from './rpc/verify-contact.js'
import { changePassword, type ChangePasswordDeps } from './rpc/change-password.js'
import { requestPasswordReset, type RequestPasswordResetDeps } from './rpc/request-password-reset.js'
import { resetPassword, type ResetPasswordDeps } from './rpc/reset-password.js'
import { listSessions, type ListSessionsDeps } from './rpc/list-sessions.js'
import { revokeOtherSessions, type RevokeOtherSessionsDeps } from './rpc/revoke-other-sessions.js'
import { revokeSession, type RevokeSessionDeps } from './rpc/revoke-session.js'
import { sendDeviceCode, type SendDeviceCodeDeps } from './rpc/send-device-code.js'
import { beginBinding, type BeginBindingDeps } from './rpc/begin-binding.js'
import { finishBinding, type FinishBindingDeps } from './rpc/finish-binding.js'
import { listDevices, type ListDevicesDeps } from './rpc/list-devices.js'
import { unbindDevice, type UnbindDeviceDeps } from './rpc/unbind-device.js'
import { beginChallenge, type BeginChallengeDeps } from './rpc/begin-challenge.js'
import { setPin, type SetPinDeps } from './rpc/set-pin.js'
import { stepUpSession, type StepUpSessionDeps } from './rpc/step-up-session.js'
import { revokeRole, type RevokeRoleDeps } from './rpc/revoke-role.js'

/** What the handlers need, together. */
export type IdentityDeps = RegisterUserDeps &
  VerifyContactDeps &
  SendContactCodeDeps &
  ChangePasswordDeps &
  RequestPasswordResetDeps &
  ResetPasswordDeps &
  ListSessionsDeps &
  RevokeSessionDeps &
  RevokeOtherSessionsDeps &
  SendDeviceCodeDeps &
  BeginBindingDeps &
  FinishBindingDeps &
  ListDevicesDeps &
  UnbindDeviceDeps &
  BeginChallengeDeps &
  SetPinDeps &
  StepUpSessionDeps &
  GetUserDeps &
  CreateSessionDeps &
  RefreshSessionDeps &
  GrantRoleDeps &
  RevokeRoleDeps &
  ListGrantsDeps &
  CreateClientDeps &
  GetClientDeps &
  ListClientsDeps &
  UpdateClientDeps &
  DisableClientDeps &
  EnableClientDeps &
  RotateSecretDeps &
  AddKeyDeps &
  RemoveKeyDeps &
  CheckDeps &
  ListAuditRecordsDeps &
  VerifyAuditDeps &
  SubmitKycDeps &
  GetKycDeps &
  ReviewKycDeps

/** Identity's services, one line per RPC. */
export function identityBindings(deps: IdentityDeps): Binding[] {
  return [
    bind(UserServiceService, {
      registerUser: (call, request) => registerUser(deps, call, request),
      verifyContact: (call, request) => verifyContact(deps, call, request),
      sendContactCode: (call, request) => sendContactCode(deps, call, request),
      changePassword: (call, request) => changePassword(deps, call, request),
      requestPasswordReset: (call, request) => requestPasswordReset(deps, call, request),
      resetPassword: (call, request) => resetPassword(deps, call, request),
      getUser: (call, request) => getUser(deps, call, request),
    }),
    bind(SessionServiceService, {
      createSession: (call, request) => createSession(deps, call, request),
      refreshSession: (call, request) => refreshSession(deps, call, request),
      listSessions: (call, request) => listSessions(deps, call, request),
      stepUpSession: (call, request) => stepUpSession(deps, call, request),
      revokeSession: (call, request) => revokeSession(deps, call, request),
      revokeOtherSessions: (call, request) => revokeOtherSessions(deps, call, request),
    }),
    bind(DeviceServiceService, {
      sendDeviceCode: (call, request) => sendDeviceCode(deps, call, request),
      beginBinding: (call, request) => beginBinding(deps, call, request),
      finishBinding: (call, request) => finishBinding(deps, call, request),
      listDevices: (call, request) => listDevices(deps, call, request),
      unbindDevice: (call, request) => unbindDevice(deps, call, request),
      beginChallenge: (call, request) => beginChallenge(deps, call, request),
      setPin: (call, request) => setPin(deps, call, request),
    }),
    bind(RoleServiceService, {
      grantRole: (call, request) => grantRole(deps, call, request),
      revokeRole: (call, request) => revokeRole(deps, call, request),
      listGrants: (call, request) => listGrants(deps, call, request),
    }),
    ...clientBindings(deps),
    bind(KycServiceService, {
      submitKyc: (call, request) => submitKyc(deps, call, request),
      getKyc: (call, request) => getKyc(deps, call, request),
      reviewKyc: (call, request) => reviewKyc(deps, call, request),
    }),
    bind(AuditServiceService, {
      listAuditRecords: (call, request) => listAuditRecords(deps, call, request),
      verifyAudit: (call, request) => verifyAudit(deps, call, request),
    }),
  ]
}

function clientBindings(deps: IdentityDeps): Binding[] {
  return [
    bind(ClientServiceService, {
      createClient: (call, request) => createSigningClient(deps, call, request),
      getClient: (call, request) => getClient(deps, call, request),
      listClients: (call, request) => listClients(deps, call, request),
      updateClient: (call, request) => updateClient(deps, call, request),
      disableClient: (call, request) => disableClient(deps, call, request),
      enableClient: (call, request) => enableClient(deps, call, request),
      rotateSecret: (call, request) => rotateSecret(deps, call, request),
      addKey: (call, request) => addKey(deps, call, request),
      removeKey: (call, request) => removeKey(deps, call, request),
    }),
    bind(AuthorizationService, {
      check: (call, request) => check(deps, call, request),
    }),
  ]
}
