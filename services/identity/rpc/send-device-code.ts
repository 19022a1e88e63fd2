import assert from 'node:assert/strict'
import { type SendDeviceCodeRequest, SendDeviceCodeResponse } from '../../../gen/paymesh/identity/v1/device_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { type CodeLetterDeps, writeCodeLetter } from '../codes/code-letter.js'
import type { CodeStore } from '../codes/code-store.js'
import { identityError, requireAdmitted } from '../errors.js'
import { codesToUser, mailsToAddress } from '../throttles/throttle.js'
import type { ThrottleStore } from '../throttles/throttle-store.js'
import { parseEmail } from '../users/email.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { callerUserId, openUser } from './own-user.js'
import { timestamp } from './timestamp.js'

export interface SendDeviceCodeDeps extends CodeLetterDeps {
  users: Pick<UserStore, 'find'>
  codes: Pick<CodeStore, 'send'>
  throttles: Pick<ThrottleStore, 'admit'>
  vault: Vault
  clock: Clock
  nudgeDelivery: () => void
}

/**
 * Sends a code for binding a device or setting a PIN. Fails with USER_NOT_FOUND, CONTACT_UNVERIFIED, TOO_MANY_TRIES, in this
 * order.
 */
export async function sendDeviceCode(
  deps: SendDeviceCodeDeps,
  call: Call,
  _request: SendDeviceCodeRequest,
): Promise<SendDeviceCodeResponse> {
  const userId = callerUserId(call)
  const { email, contactVerifyTimeMs } = await openUser(deps, userId)
  if (contactVerifyTimeMs === undefined) throw identityError('CONTACT_UNVERIFIED')
  const parsed = parseEmail(email.reveal())
  assert('value' in parsed)
  const nowMs = deps.clock.nowMs()
  requireAdmitted(await deps.throttles.admit(codesToUser, deps.keyedHash.of('user', userId), nowMs))
  requireAdmitted(await deps.throttles.admit(mailsToAddress, deps.vault.emailIndex(parsed.value), nowMs))
  const letter = writeCodeLetter(deps, { userId, email, purpose: 'DEVICE', kind: 'DEVICE_CODE', saysCode: true, nowMs })
  await deps.codes.send(letter)
  deps.nudgeDelivery()
  return SendDeviceCodeResponse.fromPartial({ expireTime: timestamp(letter.code.expireTimeMs) })
}
