import type { Pool } from 'pg'
import { documentSha256, parseRuleSet } from './rule-set.js'
import { checkRuleSet } from './rule-set-check.js'
import { insertRuleSet } from './store.js'

/**
 * Checks a document and publishes it as the next version; in force on every replica within a second. Publishing what the
 * newest version already says changes nothing. Throws RuleSetInvalidError, having published nothing.
 */
export async function publishRuleSet(
  pool: Pool,
  draft: { readonly document: unknown; readonly author: string; readonly reason: string },
): Promise<{ readonly version: bigint; readonly isNew: boolean }> {
  checkRuleSet(parseRuleSet(draft.document))
  return await insertRuleSet(pool, { ...draft, documentSha256: documentSha256(draft.document) })
}
