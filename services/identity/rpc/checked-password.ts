import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import type { AuditStore } from '../audit/audit-store.js'
import { whoCalls } from '../audit/audit-who.js'
import { requireRight } from '../errors.js'
import type { Checked } from '../passwords/password-check.js'
import { userName } from '../users/user.js'

export interface CheckedPasswordDeps {
  audit: Pick<AuditStore, 'appendEvent'>
  clock: Clock
}

/**
 * The checked password. Throws TOO_MANY_TRIES, OVERLOADED, WRONG_CREDENTIALS. A wrong one from which on tries have to wait
 * is kept as evidence, once, whether or not anybody has the account: so it costs the same.
 */
export async function requireRightPassword(
  { audit, clock }: CheckedPasswordDeps,
  call: Call,
  checked: Checked,
): Promise<Extract<Checked, { kind: 'right' }>> {
  if (checked.kind === 'wrong' && checked.slowsDown) {
    const resource = checked.userId === undefined ? '' : userName(checked.userId)
    await audit.appendEvent({ event: 'SIGN_IN_SLOWED', who: whoCalls(call), timeMs: clock.nowMs(), resource })
  }
  return requireRight(checked)
}
