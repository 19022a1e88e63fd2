import { type BeginBindingRequest, BeginBindingResponse } from '../../../gen/paymesh/identity/v1/device_service.js'
import type { Call } from '../../runtime/call.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { beginDeviceChallenge, type DeviceChallengeDeps } from './device-challenge.js'
import { callerUserId, openUser } from './own-user.js'

export interface BeginBindingDeps extends DeviceChallengeDeps {
  users: Pick<UserStore, 'find'>
  vault: Vault
}

/** Begins a challenge for a device that is to be bound. Fails with USER_NOT_FOUND. */
export async function beginBinding(
  deps: BeginBindingDeps,
  call: Call,
  _request: BeginBindingRequest,
): Promise<BeginBindingResponse> {
  await openUser(deps, callerUserId(call))
  return BeginBindingResponse.fromPartial({ challenge: await beginDeviceChallenge(deps, call, undefined) })
}
