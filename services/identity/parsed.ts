import type { FieldCheck } from '../runtime/field-check.js'

/** A value that was text, or what is wrong with the text. A problem continues "the field …" and never quotes the text. */
export type Parsed<T> = { value: T } | { problem: string }

/** The value; or undefined after noting the problem as a violation of the field. */
export function take<T>(check: FieldCheck, field: string, parsed: Parsed<T>): T | undefined {
  if ('value' in parsed) return parsed.value
  check.that(false, field, parsed.problem)
  return undefined
}
