import { type BeginChallengeRequest, BeginChallengeResponse } from '../../../gen/paymesh/identity/v1/device_service.js'
import type { Call } from '../../runtime/call.js'
import { identityError } from '../errors.js'
import { deviceName } from '../devices/device.js'
import type { DeviceStore } from '../devices/device-store.js'
import { beginDeviceChallenge, type DeviceChallengeDeps } from './device-challenge.js'
import { parseDeviceRequest } from './device-message.js'
import { callerUserId } from './own-user.js'

export interface BeginChallengeDeps extends DeviceChallengeDeps {
  devices: Pick<DeviceStore, 'find'>
}

/** Begins a challenge for one of the caller's devices. Fails with INVALID_FIELD, DEVICE_NOT_FOUND, in this order. */
export async function beginChallenge(
  deps: BeginChallengeDeps,
  call: Call,
  request: BeginChallengeRequest,
): Promise<BeginChallengeResponse> {
  const id = parseDeviceRequest(request)
  const device = await deps.devices.find(callerUserId(call), id)
  if (device === undefined) throw identityError('DEVICE_NOT_FOUND', { device: deviceName(id) })
  return BeginChallengeResponse.fromPartial({ challenge: await beginDeviceChallenge(deps, call, id) })
}
