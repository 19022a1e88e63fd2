import { Account } from '../../../gen/paymesh/ledger/v1/account.js'
import { type ListAccountsRequest, type ListAccountsResponse } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { fittingPage } from '../../runtime/page-fit.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { isKnownKind } from '../account-kind.js'
import { accountMessage } from '../account-message.js'
import { DOMAIN } from '../errors.js'
import { type NamedAccountStore } from '../named-account-store.js'

// Nanoseconds since 1970 until the year 2286: 19 digits, and never beyond an int8.
const TIMESTAMP = /^\d{1,18}$|^[1-8]\d{18}$/

/** AccountService.ListAccounts. */
export async function listAccounts(
  deps: { readonly names: NamedAccountStore },
  _call: Call,
  request: ListAccountsRequest,
): Promise<ListAccountsResponse> {
  const { owner, assetCode, kind, parent, pageToken } = request
  const filters = JSON.stringify(['accounts', owner, assetCode, kind, parent])
  const check = new FieldCheck(DOMAIN)
  const size = pageSize(request.pageSize, check)
  const [after = ''] = pageToken === '' ? ['0'] : (decodePageToken(pageToken, filters) ?? [])
  check.that(TIMESTAMP.test(after), 'page_token', 'is not a token of this list')
  check.that(kind === 0 || isKnownKind(kind), 'kind', 'must be a kind of account')
  check.that(!owner.includes('\0'), 'owner', 'must not hold the character U+0000')
  check.that(!assetCode.includes('\0'), 'asset_code', 'must not hold the character U+0000')
  const isName = parent === '' || parseResourceName('accounts/{account}', parent) !== undefined
  check.that(isName, 'parent', 'must be like accounts/{account}')
  check.done()

  // One more than asked for tells whether there is a next page.
  const found = await deps.names.list({ owner, assetCode, kind, parent }, BigInt(after), size + 1)
  // Labels are a caller's to choose, so that accounts may be large.
  const accounts = fittingPage(found.slice(0, size).map(accountMessage), Account)
  const last = found[accounts.length - 1]
  const more = found.length > accounts.length && last !== undefined
  return {
    accounts,
    nextPageToken: more ? encodePageToken([String(last.account.timestamp)], filters) : '',
  }
}
