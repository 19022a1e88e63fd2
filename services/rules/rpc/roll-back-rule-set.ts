import type { RollBackRuleSetRequest, RollBackRuleSetResponse } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, rulesError } from '../errors.js'
import { insertReviewed, readVersion } from '../store.js'
import { findVersion } from './find-rule-set.js'
import { outdated, published } from './publish-rule-set.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { checkReason } from './rule-set-fields.js'
import { checkVersionName } from './rule-set-name.js'

/**
 * Fails with INVALID_FIELD, RULE_SET_NOT_FOUND, BASE_VERSION_OUTDATED, NOTHING_TO_PUBLISH, in this order. Repeating it
 * answers the version that it made. What was published stays decidable, so the document is not checked again: a roll back
 * has to work when a release bounds rules more tightly.
 */
export async function rollBackRuleSet(
  deps: Pick<RuleSetDeps, 'pool'>,
  call: Call,
  request: RollBackRuleSetRequest,
): Promise<RollBackRuleSetResponse> {
  const check = new FieldCheck(errorDomain)
  const version = checkVersionName(check, 'name', request.name)
  check.that(request.replacedVersion > 0n, 'replaced_version', 'must be the version in force')
  checkReason(check, request.reason)
  check.done()
  const earlier = await findVersion(deps, version)
  const publisher = callerName(call.caller)
  const outcome = await insertReviewed(deps.pool, {
    ...earlier,
    reason: request.reason,
    publisher,
    replacedVersion: request.replacedVersion,
    origin: { kind: 'version', version },
  })
  switch (outcome.kind) {
    case 'published':
      return await published(deps, outcome.version)
    case 'outdated': {
      const made = await readVersion(deps.pool, request.replacedVersion + 1n)
      if (made?.rolledBackTo !== version || made.publisher !== publisher) throw outdated(outcome.newestVersion)
      return await published(deps, made.version)
    }
    case 'unchanged':
      throw rulesError('NOTHING_TO_PUBLISH', { rule_set_version: String(outcome.newestVersion) })
    case 'draft-changed':
      throw new Error('a roll back has no draft')
  }
}
