import type { UpdateRuleSetRequest, UpdateRuleSetResponse } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { maskedFields } from '../../runtime/field-mask.js'
import { type DraftContent, updateDraft } from '../draft-store.js'
import { errorDomain, rulesError } from '../errors.js'
import { findDraft } from './find-rule-set.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { checkDescription, checkDocument } from './rule-set-fields.js'
import { draftMessage, etagOf } from './rule-set-message.js'
import { checkDraftName } from './rule-set-name.js'

const maskable = { changeable: ['document', 'description', 'base_version'], named: ['name', 'etag'] }

/** Fails with INVALID_FIELD, RULE_SET_NOT_FOUND, RULE_SET_PUBLISHED, ETAG_MISMATCH, in this order. */
export async function updateRuleSet(
  deps: Pick<RuleSetDeps, 'pool'>,
  call: Call,
  request: UpdateRuleSetRequest,
): Promise<UpdateRuleSetResponse> {
  const { id, etag, changes } = parse(request)
  const draft = await findDraft(deps, id)
  const name = `ruleSets/${id}`
  if (draft.publishedVersion !== undefined) throw rulesError('RULE_SET_PUBLISHED', { name })
  if (etag !== etagOf(draft)) throw rulesError('ETAG_MISMATCH', { name })
  const changed = await updateDraft(deps.pool, draft, { ...draft, ...changes }, callerName(call.caller))
  if (changed === undefined) throw rulesError('ETAG_MISMATCH', { name })
  return { ruleSet: draftMessage(changed) }
}

interface Update {
  readonly id: string
  readonly etag: string
  readonly changes: Partial<DraftContent>
}

function parse({ ruleSet, updateMask }: UpdateRuleSetRequest): Update {
  const check = new FieldCheck(errorDomain)
  const { name = '', etag = '', document, description = '', baseVersion = 0n } = ruleSet ?? {}
  const id = checkDraftName(check, 'rule_set.name', name)
  check.that(etag !== '', 'rule_set.etag', 'is required')
  // The edge lists every field of the body, and a document has fields of its own.
  const paths = updateMask?.map((path) => (path.startsWith('document.') ? 'document' : path)) ?? []
  const masked = maskedFields(check, paths, maskable)
  // Without a mask the fields that are given change (AIP-134), so that nothing is lost by not being sent.
  const takes = (field: string, isGiven: boolean) => masked.has(field) && (paths.length > 0 || isGiven)
  const changes = {
    ...(takes('document', document !== undefined) && { document }),
    ...(takes('description', description !== '') && { description }),
    ...(takes('base_version', baseVersion !== 0n) && { baseVersion }),
  }
  if ('document' in changes) checkDocument(check, 'rule_set.document', document)
  checkDescription(check, 'rule_set.description', description)
  check.that(baseVersion >= 0n, 'rule_set.base_version', 'must not be negative')
  check.done()
  return { id, etag, changes }
}
