import { createHash } from 'node:crypto'
import type { Random } from '../../runtime/ids.js'
import type { Parsed } from '../parsed.js'
import { Secret } from '../../runtime/secret.js'

/**
 * A refresh token is `pmr_` and 256 random bits in base64url. The prefix lets secret scanners know one that was
 * pasted or committed somewhere. It is stored as its SHA-256: with 256 random bits there is nothing to guess, so a
 * slow hash would buy nothing, and whoever reads the table can't use what is there.
 */
const prefix = 'pmr_'
const randomBytesCount = 32

/** More than any token ever made, so that a megabyte is refused before it is hashed. */
const lengthMax = 256
// Printable ASCII, which is all that a token was ever made of.
const printable = /^[\x21-\x7e]+$/

export interface RefreshToken {
  text: Secret
  /** SHA-256, 32 bytes. */
  hash: Buffer
}

export function newRefreshToken(random: Random): RefreshToken {
  return refreshTokenOf(prefix + Buffer.from(random(randomBytesCount)).toString('base64url'))
}

/**
 * What is wrong with the text as a refresh token, or the token. Anything printable of a sane length passes: whether
 * it was ever issued is a question of state, and the answer to that is "log in again", not "mend your request".
 */
export function parseRefreshToken(text: string): Parsed<RefreshToken> {
  if (text === '') return { problem: 'is required' }
  if (text.length > lengthMax) return { problem: `must be at most ${lengthMax} characters` }
  if (!printable.test(text)) return { problem: 'must be a refresh token as it was given out' }
  return { value: refreshTokenOf(text) }
}

function refreshTokenOf(text: string): RefreshToken {
  return { text: new Secret(text, 'refresh token'), hash: createHash('sha256').update(text).digest() }
}
