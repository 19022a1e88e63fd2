import assert from 'node:assert/strict'
import { NIL } from 'uuid'
import {
  type RequestPasswordResetRequest,
  RequestPasswordResetResponse,
} from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type CodeLetterDeps, writeCodeLetter } from '../codes/code-letter.js'
import type { CodeStore } from '../codes/code-store.js'
import { errorDomain, requireAdmitted } from '../errors.js'
import { take } from '../parsed.js'
import { mailsToAddress } from '../throttles/throttle.js'
import type { ThrottleStore } from '../throttles/throttle-store.js'
import { type Email, parseEmail } from '../users/email.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'

export interface RequestPasswordResetDeps extends CodeLetterDeps {
  users: Pick<UserStore, 'findPasswords'>
  codes: Pick<CodeStore, 'send'>
  throttles: Pick<ThrottleStore, 'admit'>
  vault: Vault
  clock: Clock
  nudgeDelivery: () => void
}

/**
 * Sends a code to the user who verified the address. Fails with INVALID_FIELD, TOO_MANY_TRIES, in this order. Without such a
 * user the same statements run, for nobody.
 */
export async function requestPasswordReset(
  deps: RequestPasswordResetDeps,
  _call: Call,
  request: RequestPasswordResetRequest,
): Promise<RequestPasswordResetResponse> {
  const email = parse(request)
  const nowMs = deps.clock.nowMs()
  const emailIndex = deps.vault.emailIndex(email)
  requireAdmitted(await deps.throttles.admit(mailsToAddress, emailIndex, nowMs))
  const holder = (await deps.users.findPasswords(emailIndex)).find(({ contactVerified }) => contactVerified)
  const letter = writeCodeLetter(deps, {
    userId: holder?.userId ?? NIL,
    email: email.written,
    purpose: 'RESET_PASSWORD',
    kind: holder === undefined ? 'NOTHING' : 'PASSWORD_RESET_CODE',
    saysCode: true,
    nowMs,
  })
  await deps.codes.send(letter)
  deps.nudgeDelivery()
  return RequestPasswordResetResponse.fromPartial({})
}

function parse(request: RequestPasswordResetRequest): Email {
  const check = new FieldCheck(errorDomain)
  const email = take(check, 'email', parseEmail(request.email))
  check.done()
  assert(email !== undefined)
  return email
}
