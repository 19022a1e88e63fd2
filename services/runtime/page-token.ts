import { createHash } from 'node:crypto'
import type { FieldCheck } from './field-check.js'

const pageSizeDefault = 50
const pageSizeMax = 1000
// Tokens are made by us and short; anything longer is not ours and is not worth decoding.
const tokenLengthMax = 2048

/**
 * An opaque page token: where the next page begins (`parts`), bound to the filters of the list so that a token cannot
 * be carried over to another list. Not secret and not signed: whatever it names is checked again when the page is read.
 */
export function encodePageToken(parts: readonly string[], filters: string): string {
  return Buffer.from(JSON.stringify([fingerprint(filters), ...parts])).toString('base64url')
}

/** The parts of a token that `encodePageToken` made for the same filters; undefined for anything else. */
export function decodePageToken(token: string, filters: string): string[] | undefined {
  if (token.length > tokenLengthMax) return undefined
  const [print, ...parts] = parseStrings(Buffer.from(token, 'base64url').toString())
  return print === fingerprint(filters) ? parts : undefined
}

function parseStrings(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : []
  } catch {
    return []
  }
}

function fingerprint(filters: string): string {
  return createHash('sha256').update(filters).digest('base64url').slice(0, 12)
}

/** The page size to use: 50 when 0 is asked. Below 0 or over 1000 is a violation of `page_size`, never coerced. */
export function pageSize(requested: number, check: FieldCheck): number {
  check.that(requested >= 0 && requested <= pageSizeMax, 'page_size', `must be 0 to ${pageSizeMax}`)
  return requested === 0 ? pageSizeDefault : requested
}
