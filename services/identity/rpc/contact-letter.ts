import type { Secret } from '../../runtime/secret.js'
import { type CodeLetter, type CodeLetterDeps, writeCodeLetter } from '../codes/code-letter.js'
import type { PasswordOfUser } from '../users/user-store.js'

/**
 * What goes to a user's address: the code with which to verify it, or, when another of those who wrote it holds it, the
 * notice that there is an account. Both are made and stored alike.
 */
export function contactLetter(
  deps: CodeLetterDeps,
  user: { userId: string; email: Secret },
  writers: readonly PasswordOfUser[],
  nowMs: number,
): CodeLetter {
  const isHeld = writers.some(({ contactVerified }) => contactVerified)
  return writeCodeLetter(deps, {
    ...user,
    purpose: 'VERIFY_CONTACT',
    kind: isHeld ? 'ALREADY_REGISTERED' : 'CONTACT_CODE',
    saysCode: !isHeld,
    nowMs,
  })
}
