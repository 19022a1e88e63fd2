import { createHash, timingSafeEqual } from 'node:crypto'
import { type Dictionary, parseDictionary } from 'structured-headers'

/** The algorithms of RFC 9530 that are not insecure, and Node's names for them. */
const hashes: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
])

/**
 * Whether a header `content-digest` (RFC 9530) is of this body: each digest in it of an algorithm that is known is the
 * body's, and there is one. `unreadable` when the header is none, or has no such digest.
 */
export function compareDigest(header: string, body: Uint8Array): 'same' | 'other' | 'unreadable' {
  const given = [...dictionaryOf(header)].flatMap(([name, member]) => {
    const hash = hashes.get(name)
    const value: unknown = member[0]
    return hash === undefined ? [] : [{ hash, value }]
  })
  if (given.length === 0) return 'unreadable'
  let isSame = true
  for (const { hash, value } of given) {
    if (!(value instanceof ArrayBuffer)) return 'unreadable'
    const digest = createHash(hash).update(body).digest()
    isSame &&= value.byteLength === digest.length && timingSafeEqual(new Uint8Array(value), digest)
  }
  return isSame ? 'same' : 'other'
}

function dictionaryOf(header: string): Dictionary {
  try {
    return parseDictionary(header)
  } catch {
    return new Map()
  }
}
