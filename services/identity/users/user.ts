import { formatResourceName } from '../../runtime/resource-name.js'
import { parseNameOf, type Parsed } from '../parsed.js'
import type { Role } from '../roles/roles.js'
import { Secret } from '../../runtime/secret.js'

/** A person who registered. What is personal stays wrapped until the answer is built. */
export interface User {
  /** UUIDv7. */
  id: string
  /** As the user wrote it. */
  email: Secret
  /** May be empty. */
  displayName: Secret
  roles: readonly Role[]
  createTimeMs: number
  /** When the user proved that the address is theirs; undefined until then. */
  contactVerifyTimeMs: number | undefined
}

export const displayNameLengthMax = 63
// Controls and line or paragraph breaks would break a list or a receipt; the bidirectional controls would let a name
// rewrite how the text around it reads (Unicode TR 36).
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

export function userName(id: string): string {
  return formatResourceName('users/{user}', { user: id })
}

/** The id in `users/{uuid}`. An alias such as `users/me` is a problem here: only who knows the caller can resolve it. */
export function parseUserName(name: string): Parsed<string> {
  return parseNameOf('users', name)
}

/** What is wrong with a display name, or the name as it was written. It may be empty. */
export function parseDisplayName(text: string): Parsed<Secret> {
  if (text.length > displayNameLengthMax * 2 || Array.from(text).length > displayNameLengthMax) {
    return { problem: `must be at most ${displayNameLengthMax} characters` }
  }
  if (unprintable.test(text)) return { problem: 'must not have control characters' }
  return { value: new Secret(text, 'name') }
}

export function sessionName(id: string): string {
  return formatResourceName('sessions/{session}', { session: id })
}

/** The id in `sessions/{uuid}`. */
export function parseSessionName(name: string): Parsed<string> {
  return parseNameOf('sessions', name)
}
