import { RuleSetState } from '../../../gen/paymesh/rules/v1/rule_set.js'
import type { ListRuleSetsRequest, ListRuleSetsResponse } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import { listRuleSets as listStored, type RuleSetPage } from '../rule-set-list.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { listedMessage } from './rule-set-message.js'
import { parseRuleSetName } from './rule-set-name.js'

/** Fails with INVALID_FIELD. */
export async function listRuleSets(
  { pool }: Pick<RuleSetDeps, 'pool'>,
  _call: Call,
  request: ListRuleSetsRequest,
): Promise<ListRuleSetsResponse> {
  const page = parse(request)
  // One more than the page tells whether there is a next one.
  const found = await listStored(pool, { ...page, countMax: page.countMax + 1 })
  const shown = found.slice(0, page.countMax)
  const last = shown.at(-1)
  const hasMore = found.length > shown.length && last !== undefined
  return {
    ruleSets: shown.map(listedMessage),
    nextPageToken: hasMore ? encodePageToken([last.timeText, last.key], String(request.state)) : '',
  }
}

const timePattern = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}$/

function parse({ pageSize: size, pageToken, state }: ListRuleSetsRequest): RuleSetPage {
  const check = new FieldCheck(errorDomain)
  const countMax = pageSize(size, check)
  const isState = state >= RuleSetState.UNSPECIFIED && state <= RuleSetState.PUBLISHED
  check.that(isState, 'state', 'must be a state')
  const [timeText = '', key = ''] = decodePageToken(pageToken, String(state)) ?? []
  const isToken = timePattern.test(timeText) && parseRuleSetName(`ruleSets/${key}`) !== undefined
  check.that(pageToken === '' || isToken, 'page_token', 'must be a next_page_token of the same list')
  check.done()
  return { kind: kindOf(state), after: isToken ? { timeText, key } : undefined, countMax }
}

function kindOf(state: RuleSetState): RuleSetPage['kind'] {
  switch (state) {
    case RuleSetState.DRAFT:
      return 'draft'
    case RuleSetState.PUBLISHED:
      return 'version'
    default:
      return undefined
  }
}
