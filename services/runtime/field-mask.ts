import type { FieldCheck } from './field-check.js'

/** What an Update may change, and what a caller may name along with it. */
export interface Maskable {
  readonly changeable: readonly string[]
  /** Fields that identify or guard the resource: the edge lists every field of the body, these among them. */
  readonly named: readonly string[]
}

/**
 * The fields that an update mask asks to change (AIP-134): those it names; all that may change when it is empty or `*`.
 * Any other path is a violation of `update_mask`.
 */
export function maskedFields(
  check: FieldCheck,
  mask: readonly string[] | undefined,
  { changeable, named }: Maskable,
): ReadonlySet<string> {
  if (mask === undefined || mask.length === 0 || (mask.length === 1 && mask[0] === '*')) return new Set(changeable)
  const known = mask.every((path) => changeable.includes(path) || named.includes(path))
  check.that(known, 'update_mask', `must be of ${changeable.join(', ')}: nothing else can change`)
  return new Set(mask.filter((path) => changeable.includes(path)))
}
