import assert from 'node:assert/strict'
import { Device } from '../../../gen/paymesh/identity/v1/device_service.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Wrapped } from '../../runtime/keyring.js'
import { deviceName } from '../devices/device.js'
import type { StoredDevice } from '../devices/device-store.js'
import { errorDomain } from '../errors.js'
import { parseNameOf, take } from '../parsed.js'
import type { Vault } from '../vault/vault.js'
import { timestamp } from './timestamp.js'

/** What a device's name is sealed as. */
export function displayNameField(deviceId: string): string {
  return `${deviceName(deviceId)}.display_name`
}

/** The device as the contract shows it, to its user. */
export function deviceMessage(vault: Vault, dataKey: Wrapped, device: StoredDevice): Device {
  const { id, userId, displayName, createTimeMs, useTimeMs } = device
  return Device.fromPartial({
    name: deviceName(id),
    displayName: vault.openField(userId, dataKey, displayNameField(id), displayName).reveal(),
    createTime: timestamp(createTimeMs),
    ...(useTimeMs !== undefined && { useTime: timestamp(useTimeMs) }),
  })
}

/** The device that a request names. Throws INVALID_FIELD. */
export function parseDeviceRequest({ name }: { name: string }): string {
  const check = new FieldCheck(errorDomain)
  const id = take(check, 'name', parseNameOf('devices', name))
  check.done()
  assert(id !== undefined)
  return id
}
