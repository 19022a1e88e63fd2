import type { FieldCheck } from '../../runtime/field-check.js'
import { parseResourceName } from '../../runtime/resource-name.js'

/** What a rule set's name says: which draft, or which version. */
export type RuleSetName =
  { readonly kind: 'draft'; readonly id: string } | { readonly kind: 'version'; readonly version: bigint }

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const versionPattern = /^[1-9][0-9]{0,17}$/

/** Undefined when it is no rule set's name. */
export function parseRuleSetName(name: string): RuleSetName | undefined {
  const { ruleSet: key = '' } = parseResourceName('ruleSets/{ruleSet}', name) ?? {}
  if (uuidPattern.test(key)) return { kind: 'draft', id: key }
  return versionPattern.test(key) ? { kind: 'version', version: BigInt(key) } : undefined
}

export function formatRuleSetName(name: RuleSetName): string {
  return `ruleSets/${name.kind === 'draft' ? name.id : name.version}`
}

/** A name of either kind; when it is none, a violation, and a name that nothing has. */
export function checkRuleSetName(check: FieldCheck, field: string, name: string): RuleSetName {
  const parsed = parseRuleSetName(name)
  check.that(parsed !== undefined, field, 'must be like ruleSets/{uuid} or ruleSets/{version}')
  return parsed ?? { kind: 'version', version: 0n }
}

/** A draft's id; a violation when the name is not a draft's. */
export function checkDraftName(check: FieldCheck, field: string, name: string): string {
  const parsed = parseRuleSetName(name)
  check.that(parsed?.kind === 'draft', field, 'must name a draft, ruleSets/{uuid}')
  return parsed?.kind === 'draft' ? parsed.id : ''
}

/** A version; a violation when the name is not a version's. */
export function checkVersionName(check: FieldCheck, field: string, name: string): bigint {
  const parsed = parseRuleSetName(name)
  check.that(parsed?.kind === 'version', field, 'must name a version, ruleSets/{version}')
  return parsed?.kind === 'version' ? parsed.version : 0n
}
