import type { FieldCheck } from '../runtime/field-check.js'

/** A value that was text, or what is wrong with the text. A problem continues "the field …" and never quotes the text. */
export type Parsed<T> = { value: T } | { problem: string }

/** RFC 9562 text, lower case only: a resource has one name. */
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The id in a name such as `devices/{uuid}` of that collection. */
export function parseNameOf(collection: string, name: string): Parsed<string> {
  if (name === '') return { problem: 'is required' }
  const id = name.startsWith(`${collection}/`) ? name.slice(collection.length + 1) : ''
  return uuid.test(id) ? { value: id } : { problem: `must be ${collection}/{uuid}` }
}

/** The value; or undefined after noting the problem as a violation of the field. */
export function take<T>(check: FieldCheck, field: string, parsed: Parsed<T>): T | undefined {
  if ('value' in parsed) return parsed.value
  check.that(false, field, parsed.problem)
  return undefined
}
