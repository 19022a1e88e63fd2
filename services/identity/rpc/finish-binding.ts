import assert from 'node:assert/strict'
import { type FinishBindingRequest, FinishBindingResponse } from '../../../gen/paymesh/identity/v1/device_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Secret } from '../../runtime/secret.js'
import type { CodeStore } from '../codes/code-store.js'
import type { ChallengeStore } from '../devices/challenge-store.js'
import { attestationBytesMax } from '../devices/device.js'
import { type DeviceKey, isSignedBy, parseJwk, parseSpki, signatureBytesMax } from '../devices/device-key.js'
import type { DeviceStore, StoredDevice } from '../devices/device-store.js'
import { bindingMessage } from '../devices/signed-message.js'
import { errorDomain, identityError } from '../errors.js'
import type { KeyedHash } from '../keyed-hash.js'
import { parseNameOf, type Parsed, take } from '../parsed.js'
import { parseDisplayName, userName } from '../users/user.js'
import type { StoredUser, UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { takeDeviceCode, tryDeviceCode } from './device-code.js'
import { deviceMessage, displayNameField } from './device-message.js'
import { type NoticeDeps, noticeTo } from './notice.js'
import { callerSessionId, callerUserId } from './own-user.js'

export interface FinishBindingDeps extends NoticeDeps {
  users: Pick<UserStore, 'find'>
  codes: Pick<CodeStore, 'try'>
  devices: Pick<DeviceStore, 'bind'>
  challenges: Pick<ChallengeStore, 'take'>
  vault: Vault
  keyedHash: KeyedHash
  clock: Clock
  nudgeDelivery: () => void
}

interface Binding {
  challengeId: string
  displayName: Secret
  key: DeviceKey
  signature: Buffer
  attestation: Buffer
  code: Secret | undefined
}

/**
 * Binds a device. Fails with INVALID_FIELD, USER_NOT_FOUND, CODE_INVALID, CHALLENGE_INVALID, SIGNATURE_INVALID,
 * DEVICE_KEY_TAKEN, TOO_MANY_DEVICES, in this order. The code is spent by a device that is bound, and not by a signature that was
 * not good: only the challenge is.
 */
export async function finishBinding(
  deps: FinishBindingDeps,
  call: Call,
  request: FinishBindingRequest,
): Promise<FinishBindingResponse> {
  const binding = parse(call, request)
  const userId = callerUserId(call)
  const user = await deps.users.find(userId)
  if (user === undefined) throw identityError('USER_NOT_FOUND', { user: userName(userId) })
  const nowMs = deps.clock.nowMs()
  const code = await tryDeviceCode(deps, userId, binding.code, nowMs)
  await requireSigned(deps, call, binding, nowMs)
  const id = deps.newId()
  const { dataKey } = user.person
  const bound = await deps.devices.bind({
    id,
    userId,
    displayName: deps.vault.sealField(userId, dataKey, displayNameField(id), binding.displayName),
    publicKey: binding.key.spki,
    keyHash: binding.key.hash,
    attestation: binding.attestation,
    createTimeMs: nowMs,
    code,
    notification: noticeOf(deps, user, nowMs),
  })
  deps.nudgeDelivery()
  return FinishBindingResponse.fromPartial({ device: deviceMessage(deps.vault, dataKey, deviceOf(bound)) })
}

function deviceOf(bound: Awaited<ReturnType<DeviceStore['bind']>>): StoredDevice {
  switch (bound.kind) {
    case 'bound':
      return bound.device
    case 'key_taken':
      throw identityError('DEVICE_KEY_TAKEN')
    case 'too_many':
      throw identityError('TOO_MANY_DEVICES')
    case 'code_spent':
      throw identityError('CODE_INVALID')
  }
}

function noticeOf(deps: FinishBindingDeps, user: StoredUser, nowMs: number): ReturnType<typeof noticeTo> {
  const { email } = deps.vault.open(user.id, user.person)
  return noticeTo(deps, { email, contactVerifyTimeMs: user.contactVerifyTimeMs }, 'DEVICE_BOUND', nowMs)
}

/** Spends the challenge. Throws CHALLENGE_INVALID, SIGNATURE_INVALID. */
async function requireSigned(deps: FinishBindingDeps, call: Call, binding: Binding, nowMs: number): Promise<void> {
  const { challengeId, key, signature } = binding
  const [userId, sessionId] = [callerUserId(call), callerSessionId(call)]
  const taken = await deps.challenges.take(challengeId, { userId, sessionId, forDevice: false }, nowMs)
  if (taken === undefined) throw identityError('CHALLENGE_INVALID')
  assert(call.caller.kind === 'subject')
  const { name, session } = call.caller.subject
  if (!isSignedBy(key.key, bindingMessage(name, session, taken.challenge), signature)) {
    throw identityError('SIGNATURE_INVALID')
  }
}

function parse(call: Call, request: FinishBindingRequest): Binding {
  const check = new FieldCheck(errorDomain)
  const challengeId = take(check, 'challenge', parseNameOf('deviceChallenges', request.challenge))
  const displayName = take(check, 'display_name', parseDisplayName(request.displayName))
  const key = takeKey(check, request)
  const { signature, attestation } = request
  check.that(signature.length > 0, 'signature', 'is required')
  check.that(signature.length <= signatureBytesMax, 'signature', `must be at most ${signatureBytesMax} bytes`)
  const isShort = attestation.length <= attestationBytesMax
  check.that(isShort, 'attestation', `must be at most ${attestationBytesMax} bytes`)
  const code = takeDeviceCode(check, call, request.code)
  check.done()
  assert(challengeId !== undefined && displayName !== undefined && key !== undefined)
  return {
    challengeId,
    displayName,
    key,
    signature: Buffer.from(signature),
    attestation: Buffer.from(attestation),
    code,
  }
}

function takeKey(check: FieldCheck, { publicKey }: FinishBindingRequest): DeviceKey | undefined {
  switch (publicKey?.$case) {
    case undefined:
      return take<DeviceKey>(check, 'public_key', missing)
    case 'spki':
      return take(check, 'spki', parseSpki(publicKey.spki))
    case 'jwk':
      return take(check, 'jwk', parseJwk(publicKey.jwk))
  }
}

const missing: Parsed<DeviceKey> = { problem: 'is required' }
