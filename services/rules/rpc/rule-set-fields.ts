import { type RuleSet, RuleSetState } from '../../../gen/paymesh/rules/v1/rule_set.js'
import type { FieldCheck } from '../../runtime/field-check.js'

const documentBytesMax = 1_048_576
const textLengthMax = 1000

/** Notes what is wrong with a document before anybody looks into it. */
export function checkDocument(check: FieldCheck, field: string, document: unknown): void {
  if (!check.that(document !== undefined, field, 'is required')) return
  const bytes = Buffer.byteLength(JSON.stringify(document))
  check.that(bytes <= documentBytesMax, field, `must be at most ${documentBytesMax} bytes of JSON`)
  check.that(!hasZeroCharacter(document), field, 'must not have a zero character')
}

/** PostgreSQL keeps no text with U+0000. */
function hasZeroCharacter(document: unknown): boolean {
  return JSON.stringify(document).includes('\\u0000')
}

export function checkDescription(check: FieldCheck, field: string, text: string): void {
  check.that(text.length <= textLengthMax && !text.includes('\0'), field, `must be at most ${textLengthMax} characters`)
}

export function checkReason(check: FieldCheck, text: string): void {
  const isReason = text.trim() !== '' && text.length <= textLengthMax && !text.includes('\0')
  check.that(isReason, 'reason', `must be 1 to ${textLengthMax} characters`)
}

/** What only the service says. */
export function checkOutputOnly(check: FieldCheck, ruleSet: RuleSet): void {
  const absent = (isAbsent: boolean, field: string) => check.that(isAbsent, `rule_set.${field}`, 'must be absent')
  absent(ruleSet.state === RuleSetState.UNSPECIFIED, 'state')
  absent(ruleSet.author === '', 'author')
  absent(ruleSet.contributors.length === 0, 'contributors')
  absent(ruleSet.version === 0n, 'version')
  absent(ruleSet.publisher === '', 'publisher')
  absent(ruleSet.reason === '', 'reason')
  absent(ruleSet.rolledBackTo === 0n, 'rolled_back_to')
  absent(ruleSet.createTime === undefined, 'create_time')
  absent(ruleSet.updateTime === undefined, 'update_time')
}
