import type { Random } from '../../runtime/ids.js'
import { Secret } from '../../runtime/secret.js'
import type { KeyedHash } from '../keyed-hash.js'
import type { Parsed } from '../parsed.js'

/**
 * A code of six digits that goes to somebody's contact and comes back from them. It is good for ten minutes, for one
 * user and one purpose, and for five tries; another one sent takes its place. Five tries at a million codes, some
 * fifteen times a day (`codesToUser`), make the odds of a guess about one in 13,000 a day.
 */
export type CodePurpose = 'VERIFY_CONTACT' | 'RESET_PASSWORD' | 'DEVICE'

export const codeLifeMs = 10 * 60_000
export const codeTriesMax = 5

const codeCount = 1_000_000
// The largest multiple of the count under 2^32: above it the low codes would come more often.
const drawMax = 4_294_000_000

/** Every code as likely as any other. */
export function newCode(random: Random): Secret {
  for (;;) {
    const draw = Buffer.from(random(4)).readUInt32BE()
    if (draw < drawMax) return new Secret(String(draw % codeCount).padStart(6, '0'), 'code')
  }
}

/** What is wrong with the text as a code, or the code. */
export function parseCode(text: string): Parsed<Secret> {
  if (text === '') return { problem: 'is required' }
  return /^[0-9]{6}$/.test(text) ? { value: new Secret(text, 'code') } : { problem: 'must be six digits' }
}

/** What is stored of a code. */
export function codeHash(hash: KeyedHash, userId: string, purpose: CodePurpose, code: Secret): Buffer {
  return hash.of('code', userId, purpose, code)
}
