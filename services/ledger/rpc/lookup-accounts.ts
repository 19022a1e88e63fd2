import {
  type LookupAccountsRequest,
  type LookupAccountsResponse,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call } from '../../runtime/call.js'
import { type Engine } from '../engine.js'
import { engineAccount, idsOf } from '../wire.js'
import { checkCount } from './batch-check.js'

/** TransferService.LookupAccounts. */
export async function lookupAccounts(
  deps: { readonly engine: Engine },
  _call: Call,
  request: LookupAccountsRequest,
): Promise<LookupAccountsResponse> {
  checkCount('ids', request.ids.length)
  const accounts = await deps.engine.lookupAccounts(idsOf(request.ids))
  return { accounts: accounts.map(engineAccount) }
}
