import assert from 'node:assert/strict'
import { type SendContactCodeRequest, SendContactCodeResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import type { CodeLetterDeps } from '../codes/code-letter.js'
import type { CodeStore } from '../codes/code-store.js'
import { identityError, requireAdmitted } from '../errors.js'
import { codesToUser, mailsToAddress } from '../throttles/throttle.js'
import type { ThrottleStore } from '../throttles/throttle-store.js'
import { parseEmail } from '../users/email.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { contactLetter } from './contact-letter.js'
import { openUser, ownUserId } from './own-user.js'
import { timestamp } from './timestamp.js'

export interface SendContactCodeDeps extends CodeLetterDeps {
  users: Pick<UserStore, 'find' | 'findPasswords'>
  codes: Pick<CodeStore, 'send'>
  throttles: Pick<ThrottleStore, 'admit'>
  vault: Vault
  clock: Clock
  nudgeDelivery: () => void
}

/**
 * Sends another code to the caller's contact. Fails with INVALID_FIELD, NOT_OWNER, USER_NOT_FOUND, CONTACT_VERIFIED,
 * TOO_MANY_TRIES, in this order. Where another user holds the address by now, that user is told instead.
 */
export async function sendContactCode(
  deps: SendContactCodeDeps,
  call: Call,
  request: SendContactCodeRequest,
): Promise<SendContactCodeResponse> {
  const userId = ownUserId(call, request.name)
  const { email: written, contactVerifyTimeMs } = await openUser(deps, userId)
  if (contactVerifyTimeMs !== undefined) throw identityError('CONTACT_VERIFIED')
  const email = parseEmail(written.reveal())
  assert('value' in email)
  const nowMs = deps.clock.nowMs()
  const emailIndex = deps.vault.emailIndex(email.value)
  requireAdmitted(await deps.throttles.admit(codesToUser, deps.keyedHash.of('user', userId), nowMs))
  requireAdmitted(await deps.throttles.admit(mailsToAddress, emailIndex, nowMs))
  const letter = contactLetter(deps, { userId, email: written }, await deps.users.findPasswords(emailIndex), nowMs)
  await deps.codes.send(letter)
  deps.nudgeDelivery()
  return SendContactCodeResponse.fromPartial({ expireTime: timestamp(letter.code.expireTimeMs) })
}
