import assert from 'node:assert/strict'
import { type SetPinRequest, SetPinResponse } from '../../../gen/paymesh/identity/v1/device_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Secret } from '../../runtime/secret.js'
import type { CodeStore } from '../codes/code-store.js'
import { errorDomain, identityError, requireRight } from '../errors.js'
import type { KeyedHash } from '../keyed-hash.js'
import { take } from '../parsed.js'
import { parseGivenPassword } from '../passwords/password.js'
import type { PasswordCheck } from '../passwords/password-check.js'
import type { PasswordHasher } from '../passwords/password-hasher.js'
import { parseNewPin, pinMaterial } from '../pins/pin.js'
import type { PinStore } from '../pins/pin-store.js'
import { pinsOfUser } from '../throttles/throttle.js'
import type { ThrottleStore } from '../throttles/throttle-store.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { takeDeviceCode, tryDeviceCode } from './device-code.js'
import { type NoticeDeps, noticeTo } from './notice.js'
import { callerUserId, isSteppedUp, openUser, saltOf } from './own-user.js'

export interface SetPinDeps extends NoticeDeps {
  users: Pick<UserStore, 'find'>
  codes: Pick<CodeStore, 'try'>
  pins: Pick<PinStore, 'set'>
  passwordCheck: Pick<PasswordCheck, 'own'>
  passwords: PasswordHasher
  throttles: Pick<ThrottleStore, 'clear'>
  vault: Vault
  keyedHash: KeyedHash
  clock: Clock
  nudgeDelivery: () => void
}

/**
 * Sets the caller's PIN. Fails with INVALID_FIELD, USER_NOT_FOUND, TOO_MANY_TRIES, OVERLOADED, WRONG_CREDENTIALS,
 * CODE_INVALID, in this order.
 */
export async function setPin(deps: SetPinDeps, call: Call, request: SetPinRequest): Promise<SetPinResponse> {
  const { pin, password, code } = parse(call, request)
  const userId = callerUserId(call)
  const user = await openUser(deps, userId)
  if (password !== undefined) {
    requireRight(await deps.passwordCheck.own(userId, saltOf(deps.vault, user), password, call.signal))
  }
  const { secret, salt } = pinMaterial(deps.keyedHash, userId, pin)
  const hashed = await deps.passwords.hash(secret, salt, call.signal)
  if (hashed === 'busy') throw identityError('OVERLOADED')
  const timeMs = deps.clock.nowMs()
  const tried = await tryDeviceCode(deps, userId, code, timeMs)
  const notification = noticeTo(deps, user, 'PIN_CHANGED', timeMs)
  if (!(await deps.pins.set({ userId, hash: hashed.hash, timeMs, code: tried, notification }))) {
    throw identityError('CODE_INVALID')
  }
  await deps.throttles.clear(pinsOfUser, deps.keyedHash.of('user', userId))
  deps.nudgeDelivery()
  return SetPinResponse.fromPartial({})
}

function parse(
  call: Call,
  request: SetPinRequest,
): { pin: Secret; password: Secret | undefined; code: Secret | undefined } {
  const check = new FieldCheck(errorDomain)
  const pin = take(check, 'pin', parseNewPin(request.pin))
  const password = isSteppedUp(call) ? undefined : take(check, 'password', parseGivenPassword(request.password))
  const code = takeDeviceCode(check, call, request.code)
  check.done()
  assert(pin !== undefined)
  return { pin, password, code }
}
