import assert from 'node:assert/strict'
import { type VerifyContactRequest, VerifyContactResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Secret } from '../../runtime/secret.js'
import { codeHash, parseCode } from '../codes/code.js'
import type { CodeStore } from '../codes/code-store.js'
import { errorDomain, identityError } from '../errors.js'
import type { KeyedHash } from '../keyed-hash.js'
import { take } from '../parsed.js'
import { parseUserName } from '../users/user.js'
import type { UserStore } from '../users/user-store.js'
import { timestamp } from './timestamp.js'

export interface VerifyContactDeps {
  users: Pick<UserStore, 'verifyContact'>
  codes: Pick<CodeStore, 'try'>
  keyedHash: KeyedHash
  clock: Clock
}

/**
 * Notes that a user's contact is theirs. Fails with INVALID_FIELD, CODE_INVALID, EMAIL_TAKEN, in this order. The code is
 * left where it is until its time is over, so that a repeat gets the same answer.
 */
export async function verifyContact(
  deps: VerifyContactDeps,
  _call: Call,
  request: VerifyContactRequest,
): Promise<VerifyContactResponse> {
  const { userId, code } = parse(request)
  const nowMs = deps.clock.nowMs()
  const purpose = 'VERIFY_CONTACT'
  const hash = codeHash(deps.keyedHash, userId, purpose, code)
  if (!(await deps.codes.try({ userId, purpose, hash }, nowMs))) throw identityError('CODE_INVALID')
  const verified = await deps.users.verifyContact(userId, nowMs)
  if (verified === undefined) throw identityError('CODE_INVALID')
  if (verified === 'taken') throw identityError('EMAIL_TAKEN')
  return VerifyContactResponse.fromPartial({ verifyTime: timestamp(verified.timeMs) })
}

function parse(request: VerifyContactRequest): { userId: string; code: Secret } {
  const check = new FieldCheck(errorDomain)
  const userId = take(check, 'user', parseUserName(request.user))
  const code = take(check, 'code', parseCode(request.code))
  check.done()
  assert(userId !== undefined && code !== undefined)
  return { userId, code }
}
