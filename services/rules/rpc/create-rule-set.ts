import { createHash } from 'node:crypto'
import type { CreateRuleSetRequest, CreateRuleSetResponse } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type DraftContent, insertDraft } from '../draft-store.js'
import { errorDomain, rulesError } from '../errors.js'
import { documentSha256 } from '../rule-set.js'
import { readNewestVersion } from '../store.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { checkDescription, checkDocument, checkOutputOnly } from './rule-set-fields.js'
import { draftMessage } from './rule-set-message.js'

const requestIdPattern = /^[A-Za-z0-9._~-]{1,64}$/

/** Fails with INVALID_FIELD, REQUEST_ID_REUSED, in this order. Repeating it answers the draft as it now is. */
export async function createRuleSet(
  deps: Pick<RuleSetDeps, 'pool' | 'newDraftId'>,
  call: Call,
  request: CreateRuleSetRequest,
): Promise<CreateRuleSetResponse> {
  const asked = parse(request)
  const { requestId } = request
  // The version in force may be another when the request comes again, so it is no part of what was asked.
  const requestHash = hashOf(asked)
  const baseVersion = asked.baseVersion === 0n ? ((await readNewestVersion(deps.pool)) ?? 0n) : asked.baseVersion
  const key = { creator: callerName(call.caller), requestId, requestHash }
  const made = await insertDraft(deps.pool, deps.newDraftId(), { ...asked, baseVersion }, key)
  if (!made.requestHash.equals(requestHash)) throw rulesError('REQUEST_ID_REUSED', { request_id: requestId })
  if (!made.isNew) call.sendHeader('idempotent-replay', 'true')
  return { ruleSet: draftMessage(made.draft) }
}

function parse({ requestId, ruleSet }: CreateRuleSetRequest): DraftContent {
  const check = new FieldCheck(errorDomain)
  check.that(requestIdPattern.test(requestId), 'request_id', 'must be 1 to 64 of A-Z a-z 0-9 . _ ~ -')
  if (check.that(ruleSet !== undefined, 'rule_set', 'is required') && ruleSet !== undefined) {
    checkDocument(check, 'rule_set.document', ruleSet.document)
    checkDescription(check, 'rule_set.description', ruleSet.description)
    check.that(ruleSet.baseVersion >= 0n, 'rule_set.base_version', 'must not be negative')
    check.that(ruleSet.name === '', 'rule_set.name', 'must be absent')
    check.that(ruleSet.etag === '', 'rule_set.etag', 'must be absent')
    checkOutputOnly(check, ruleSet)
  }
  check.done()
  const { document, description = '', baseVersion = 0n } = ruleSet ?? {}
  return { document, description, baseVersion }
}

function hashOf({ document, description, baseVersion }: DraftContent): Buffer {
  return createHash('sha256')
    .update(documentSha256(document))
    .update(JSON.stringify([description, String(baseVersion)]))
    .digest()
}
