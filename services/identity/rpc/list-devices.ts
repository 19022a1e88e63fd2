import { type ListDevicesRequest, ListDevicesResponse } from '../../../gen/paymesh/identity/v1/device_service.js'
import type { Call } from '../../runtime/call.js'
import type { DeviceStore } from '../devices/device-store.js'
import { identityError } from '../errors.js'
import { userName } from '../users/user.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { deviceMessage } from './device-message.js'
import { callerUserId } from './own-user.js'

export interface ListDevicesDeps {
  users: Pick<UserStore, 'find'>
  devices: Pick<DeviceStore, 'list'>
  vault: Vault
}

/** Lists the caller's devices. Fails with USER_NOT_FOUND. */
export async function listDevices(
  deps: ListDevicesDeps,
  call: Call,
  _request: ListDevicesRequest,
): Promise<ListDevicesResponse> {
  const userId = callerUserId(call)
  const user = await deps.users.find(userId)
  if (user === undefined) throw identityError('USER_NOT_FOUND', { user: userName(userId) })
  const devices = await deps.devices.list(userId)
  const { dataKey } = user.person
  return ListDevicesResponse.fromPartial({
    devices: devices.map((device) => deviceMessage(deps.vault, dataKey, device)),
  })
}
