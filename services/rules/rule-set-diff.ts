import { isDeepStrictEqual } from 'node:util'

// What two documents do not share, rule by rule. On documents as they are written, not as they are parsed: a rule without
// `priority` and one with priority 0 decide alike, yet somebody wrote them differently, and a draft may not parse at all.

/** A rule or setting of one document that the other has otherwise or not at all. Undefined is: not at all. */
export interface RuleDifference {
  /** Such as "fees.p2p-service" or "risk.deny_at". */
  readonly place: string
  readonly before: unknown
  readonly after: unknown
}

/** The differences of two documents, by place. The order of rules in their lists decides nothing and is none. */
export function diffDocuments(before: unknown, after: unknown): readonly RuleDifference[] {
  const [left, right] = [partsOf('', before), partsOf('', after)]
  const places = [...new Set([...left.keys(), ...right.keys()])].sort()
  return places
    .map((place) => ({ place, before: left.get(place), after: right.get(place) }))
    .filter((difference) => !isDeepStrictEqual(difference.before, difference.after))
}

/** Rules by section and id, and every setting that is no list, by its path. */
function partsOf(path: string, value: unknown): ReadonlyMap<string, unknown> {
  const parts = new Map<string, unknown>()
  for (const [name, part] of Object.entries(isRecord(value) ? value : {})) {
    const place = path === '' ? name : `${path}.${name}`
    if (Array.isArray(part)) {
      for (const [index, rule] of part.entries()) parts.set(freeName(parts, `${place}.${nameOf(rule, index)}`), rule)
    } else if (isRecord(part) && path === '') {
      for (const [inner, rule] of partsOf(place, part)) parts.set(inner, rule)
    } else parts.set(place, part)
  }
  return parts
}

function nameOf(rule: unknown, index: number): string {
  return isRecord(rule) && typeof rule['id'] === 'string' ? rule['id'] : String(index)
}

/** A draft may have an id twice. */
function freeName(parts: ReadonlyMap<string, unknown>, name: string): string {
  return parts.has(name) ? freeName(parts, `${name}'`) : name
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
