import { type UnbindDeviceRequest, UnbindDeviceResponse } from '../../../gen/paymesh/identity/v1/device_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { deviceName } from '../devices/device.js'
import type { DeviceStore } from '../devices/device-store.js'
import { identityError } from '../errors.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { parseDeviceRequest } from './device-message.js'
import { type NoticeDeps, noticeTo } from './notice.js'
import { callerSessionId, callerUserId, openUser } from './own-user.js'

export interface UnbindDeviceDeps extends NoticeDeps {
  users: Pick<UserStore, 'find'>
  devices: Pick<DeviceStore, 'unbind'>
  vault: Vault
  clock: Clock
  nudgeDelivery: () => void
}

/**
 * Forgets a device. Fails with INVALID_FIELD, USER_NOT_FOUND, DEVICE_NOT_FOUND, in this order. It takes no more than a
 * password: who lost the phone has nothing else, and whoever else does it takes from the account and adds nothing to it.
 */
export async function unbindDevice(
  deps: UnbindDeviceDeps,
  call: Call,
  request: UnbindDeviceRequest,
): Promise<UnbindDeviceResponse> {
  const id = parseDeviceRequest(request)
  const userId = callerUserId(call)
  const user = await openUser(deps, userId)
  const nowMs = deps.clock.nowMs()
  const notification = noticeTo(deps, user, 'DEVICE_UNBOUND', nowMs)
  if (!(await deps.devices.unbind({ userId, id }, callerSessionId(call), notification, nowMs))) {
    throw identityError('DEVICE_NOT_FOUND', { device: deviceName(id) })
  }
  deps.nudgeDelivery()
  return UnbindDeviceResponse.fromPartial({})
}
