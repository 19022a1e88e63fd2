import type { Parsed } from '../parsed.js'
import { Secret } from '../../runtime/secret.js'

/** NIST SP 800-63B 5.1.1.2: at least 8; composition rules are advised against and there are none. */
export const passwordLengthMin = 8
/** Long enough for any passphrase, short enough that hashing the input costs nothing beside argon2 itself. */
export const passwordLengthMax = 128

// A control character can't be typed again on another keyboard, and a NUL cuts the text in careless clients.
const control = /\p{Cc}/u

/**
 * What is wrong with the text as a new password, or the password in the form that is hashed: NFKC (NIST SP 800-63B
 * 5.1.1.2), because "é" is one code point on one keyboard and two on another. Lengths count code points of that form.
 */
export function parseNewPassword(text: string): Parsed<Secret> {
  const parsed = parseGivenPassword(text)
  if ('problem' in parsed) return parsed
  if (Array.from(parsed.value.reveal()).length < passwordLengthMin) {
    return { problem: `must be at least ${passwordLengthMin} characters` }
  }
  return parsed
}

/**
 * The same for a password given at log-in. The lower bound is not asked: a short password is simply a wrong one, and
 * users who registered under an older bound must still get in.
 */
export function parseGivenPassword(text: string): Parsed<Secret> {
  if (text === '') return { problem: 'is required' }
  // Before normalising: NFKC makes up to 18 code points of one, and there is no need to do that to a megabyte.
  if (text.length > passwordLengthMax * 2) return { problem: `must be at most ${passwordLengthMax} characters` }
  const normalised = text.normalize('NFKC')
  if (Array.from(normalised).length > passwordLengthMax)
    return { problem: `must be at most ${passwordLengthMax} characters` }
  if (control.test(normalised)) return { problem: 'must not have control characters' }
  return { value: new Secret(normalised, 'password') }
}
