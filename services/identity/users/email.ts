import type { Parsed } from '../parsed.js'
import { Secret } from '../../runtime/secret.js'

/** The longest address that SMTP can carry: a path of 256 octets less its two angle brackets (RFC 5321 4.5.3.1.3). */
export const emailLengthMax = 254
/** RFC 5321 4.5.3.1.1. */
const localPartLengthMax = 64

// The dot-atom of RFC 5322 3.2.3. Quoted local parts and comments are legal there and used by nobody but attackers of
// parsers. Non-ASCII is refused on purpose: two addresses that look alike would be two users; an international domain
// comes as its A-labels ("xn--…"), which every mail program sends on the wire.
const localPart = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i
// RFC 1035 2.3.1 with digits first allowed (RFC 1123 2.1); at least two labels, and the last not a number, so that no
// address literal passes.
const domain = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/i

/** An address as the user wrote it, and the form under which it is unique. Both are personal. */
export interface Email {
  written: Secret
  /** Lower case. RFC 5321 lets hosts tell "Ann@" from "ann@"; none of note does, and people type both. */
  normalised: Secret
}

/** What is wrong with the text as an e-mail address, or the address. The answer never quotes the text. */
export function parseEmail(text: string): Parsed<Email> {
  if (text === '') return { problem: 'is required' }
  if (text.length > emailLengthMax) return { problem: `must be at most ${emailLengthMax} characters` }
  const at = text.lastIndexOf('@')
  if (at < 1 || at > localPartLengthMax || !localPart.test(text.slice(0, at)) || !domain.test(text.slice(at + 1))) {
    return { problem: 'must be an e-mail address such as ann@example.com' }
  }
  return { value: { written: new Secret(text, 'e-mail'), normalised: new Secret(text.toLowerCase(), 'e-mail') } }
}
