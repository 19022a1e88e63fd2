import type { PublishRuleSetRequest, PublishRuleSetResponse } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Draft } from '../draft-store.js'
import { errorDomain, rulesError } from '../errors.js'
import { documentSha256 } from '../rule-set.js'
import { insertReviewed, readNewestVersion, readVersion } from '../store.js'
import { findDraft, findVersion } from './find-rule-set.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { checkReason } from './rule-set-fields.js'
import { differenceMessages, etagOf, versionMessage } from './rule-set-message.js'
import { checkDraftName } from './rule-set-name.js'
import { demandPublishable } from './try-document.js'

/**
 * Fails with INVALID_FIELD, RULE_SET_NOT_FOUND, ETAG_MISMATCH, SECOND_PERSON_NEEDED, BASE_VERSION_OUTDATED,
 * RULE_SET_INVALID, OVERLOADED, NOTHING_TO_PUBLISH, in this order. Publishing what is published answers the version.
 */
export async function publishRuleSet(
  deps: Pick<RuleSetDeps, 'pool' | 'trials'>,
  call: Call,
  request: PublishRuleSetRequest,
): Promise<PublishRuleSetResponse> {
  const { id, etag, reason } = parse(request)
  const draft = await findDraft(deps, id)
  const publisher = callerName(call.caller)
  demandReviewed(draft, etag, publisher)
  if (draft.publishedVersion !== undefined) return await published(deps, draft.publishedVersion)
  const inForce = (await readNewestVersion(deps.pool)) ?? 0n
  if (inForce !== draft.baseVersion) throw outdated(inForce)
  await demandPublishable(deps, draft.document)
  const outcome = await insertReviewed(deps.pool, {
    document: draft.document,
    documentSha256: documentSha256(draft.document),
    author: draft.contributors[0] ?? publisher,
    contributors: draft.contributors,
    reason,
    publisher,
    replacedVersion: draft.baseVersion,
    origin: { kind: 'draft', id, revision: draft.revision },
  })
  switch (outcome.kind) {
    case 'published':
      return await published(deps, outcome.version)
    case 'outdated':
      return await publishedByAnother(deps, draft, outcome.newestVersion)
    case 'unchanged':
      throw rulesError('NOTHING_TO_PUBLISH', { rule_set_version: String(outcome.newestVersion) })
    case 'draft-changed':
      throw rulesError('ETAG_MISMATCH', { name: request.name })
  }
}

function parse(request: PublishRuleSetRequest): { id: string; etag: string; reason: string } {
  const check = new FieldCheck(errorDomain)
  const id = checkDraftName(check, 'name', request.name)
  check.that(request.etag !== '', 'etag', 'is required')
  checkReason(check, request.reason)
  check.done()
  return { id, etag: request.etag, reason: request.reason }
}

/** Whoever publishes has seen what stands there, and somebody else has written it. */
function demandReviewed(draft: Draft, etag: string, publisher: string): void {
  const name = `ruleSets/${draft.id}`
  if (etag !== etagOf(draft)) throw rulesError('ETAG_MISMATCH', { name })
  if (draft.contributors.includes(publisher)) throw rulesError('SECOND_PERSON_NEEDED', { name })
}

/** The version that came between may be this draft, published by the same request sent twice. */
async function publishedByAnother(
  deps: Pick<RuleSetDeps, 'pool'>,
  { id }: Draft,
  inForce: bigint,
): Promise<PublishRuleSetResponse> {
  const { publishedVersion } = await findDraft(deps, id)
  if (publishedVersion === undefined) throw outdated(inForce)
  return await published(deps, publishedVersion)
}

/** A version without its document, and what it changes of the one before. */
export async function published(deps: Pick<RuleSetDeps, 'pool'>, version: bigint): Promise<PublishRuleSetResponse> {
  const after = await findVersion(deps, version)
  const before = await readVersion(deps.pool, version - 1n)
  return {
    ruleSet: { ...versionMessage(after), document: undefined },
    differences: differenceMessages(before?.document, after.document),
  }
}

export function outdated(inForce: bigint) {
  return rulesError('BASE_VERSION_OUTDATED', { rule_set_version: String(inForce) })
}
