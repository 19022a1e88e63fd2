import { type ListWalletsRequest, type ListWalletsResponse } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { Wallet as WalletMessage } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { fittingPage } from '../../runtime/page-fit.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import { listWallets as listStoredWallets, type WalletPage } from '../wallets/wallet-store.js'
import { ownerScope } from './access.js'
import { walletMessages } from './balances.js'
import { type RpcDeps } from './deps.js'
import { walletIdOf } from './fields.js'

/**
 * Lists the caller's wallets with their balances, oldest first; everybody's for operators. Fails with INVALID_FIELD,
 * DEPENDENCY_UNAVAILABLE.
 */
export async function listWallets(
  deps: RpcDeps,
  call: Call,
  request: ListWalletsRequest,
): Promise<ListWalletsResponse> {
  const page = parse(call, request)
  // One more than the page tells whether there is a next one.
  const found = await listStoredWallets(deps.pool, { ...page, countMax: page.countMax + 1 })
  const shown = fittingPage(await walletMessages(deps, call, found.slice(0, page.countMax)), WalletMessage)
  const last = shown.at(-1)
  const more = found.length > shown.length && last !== undefined
  return { wallets: shown, nextPageToken: more ? encodePageToken([last.name], page.owner ?? '') : '' }
}

function parse(call: Call, request: ListWalletsRequest): WalletPage {
  const owner = ownerScope(call)
  const check = new FieldCheck(errorDomain)
  const countMax = pageSize(request.pageSize, check)
  const [last] = request.pageToken === '' ? [] : (decodePageToken(request.pageToken, owner ?? '') ?? [''])
  const afterId = last === undefined ? undefined : walletIdOf(last)
  const isToken = request.pageToken === '' || afterId !== undefined
  check.that(isToken, 'page_token', 'must be a next_page_token of the same list')
  check.done()
  return { owner, afterId, countMax }
}
