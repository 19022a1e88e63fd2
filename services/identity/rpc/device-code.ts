import type { Call } from '../../runtime/call.js'
import type { FieldCheck } from '../../runtime/field-check.js'
import type { Secret } from '../../runtime/secret.js'
import { codeHash, parseCode } from '../codes/code.js'
import type { CodeStore, PresentedCode } from '../codes/code-store.js'
import { identityError } from '../errors.js'
import type { KeyedHash } from '../keyed-hash.js'
import { take } from '../parsed.js'
import { isSteppedUp } from './own-user.js'

/** The code of a request; undefined when the session needs none. Notes what is wrong with it. */
export function takeDeviceCode(check: FieldCheck, call: Call, code: string): Secret | undefined {
  return isSteppedUp(call) ? undefined : take(check, 'code', parseCode(code))
}

/** The code that was tried and is right, to be spent; undefined when there was none to try. Throws CODE_INVALID. */
export async function tryDeviceCode(
  deps: { codes: Pick<CodeStore, 'try'>; keyedHash: KeyedHash },
  userId: string,
  code: Secret | undefined,
  nowMs: number,
): Promise<PresentedCode | undefined> {
  if (code === undefined) return undefined
  const purpose = 'DEVICE'
  const presented = { userId, purpose, hash: codeHash(deps.keyedHash, userId, purpose, code) } as const
  if (!(await deps.codes.try(presented, nowMs))) throw identityError('CODE_INVALID')
  return presented
}
