import { type ListAssetsRequest, type ListAssetsResponse } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { type AssetStore } from '../asset-store.js'
import { DOMAIN } from '../errors.js'
import { assetMessage } from './create-asset.js'

/** LedgerAdminService.ListAssets. */
export async function listAssets(
  deps: { readonly assets: AssetStore },
  _call: Call,
  request: ListAssetsRequest,
): Promise<ListAssetsResponse> {
  const check = new FieldCheck(DOMAIN)
  const size = pageSize(request.pageSize, check)
  const [afterCode] = request.pageToken === '' ? [''] : (decodePageToken(request.pageToken, 'assets') ?? [])
  check.that(afterCode !== undefined, 'page_token', 'is not a token of this list')
  check.done()

  // One more than asked for tells whether there is a next page.
  const found = await deps.assets.list(afterCode ?? '', size + 1)
  const page = found.slice(0, size)
  const last = page.at(-1)
  const more = found.length > size && last !== undefined
  return { assets: page.map(assetMessage), nextPageToken: more ? encodePageToken([last.code], 'assets') : '' }
}
