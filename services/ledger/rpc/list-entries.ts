import { type ListEntriesRequest, type ListEntriesResponse } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { type Engine } from '../engine.js'
import { readEntries, type EntryPage } from '../entries.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { type NamedAccountStore } from '../named-account-store.js'
import { periodNs } from '../../runtime/period.js'

const TIMESTAMP = /^\d{1,18}$|^[1-8]\d{18}$/

/** AccountService.ListEntries. */
export async function listEntries(
  deps: { readonly engine: Engine; readonly names: NamedAccountStore },
  _call: Call,
  request: ListEntriesRequest,
): Promise<ListEntriesResponse> {
  const { page, filters } = parse(request)
  const account = await deps.names.find(request.parent)
  if (account === undefined) {
    throw ledgerError('ACCOUNT_NOT_FOUND', `${request.parent} does not exist.`, { account: request.parent })
  }
  // One more than asked for tells whether there is a next page.
  const found = await readEntries(deps, account, { ...page, countMax: page.countMax + 1 })
  const shown = found.slice(0, page.countMax)
  const last = shown.at(-1)
  const more = found.length > page.countMax && last !== undefined
  return {
    entries: shown.map(({ entry }) => entry),
    nextPageToken: more ? encodePageToken([String(last.timestamp)], filters) : '',
  }
}

function parse(request: ListEntriesRequest): { page: EntryPage; filters: string } {
  const { parent, pageToken, oldestFirst } = request
  const check = new FieldCheck(DOMAIN)
  const isName = parseResourceName('accounts/{account}', parent) !== undefined
  check.that(isName, 'parent', 'must be like accounts/{account}')
  const countMax = pageSize(request.pageSize, check)
  const { min, max } = periodNs(check, request)
  const filters = JSON.stringify(['entries', parent, oldestFirst, String(min), String(max)])
  const [after = ''] = pageToken === '' ? ['0'] : (decodePageToken(pageToken, filters) ?? [])
  check.that(TIMESTAMP.test(after), 'page_token', 'is not a token of this list')
  check.done()
  const period = { min, max, countMax, newestFirst: !oldestFirst }
  if (pageToken === '') return { page: period, filters }
  const next = oldestFirst ? { min: BigInt(after) + 1n } : { max: BigInt(after) - 1n }
  return { page: { ...period, ...next }, filters }
}
