import {
  type QueryAccountsRequest,
  type QueryAccountsResponse,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call } from '../../runtime/call.js'
import { type Engine } from '../engine.js'
import { engineAccount, queryFilter } from '../wire.js'
import { checkedFilter } from './filter-check.js'

/** TransferService.QueryAccounts. */
export async function queryAccounts(
  deps: { readonly engine: Engine },
  _call: Call,
  request: QueryAccountsRequest,
): Promise<QueryAccountsResponse> {
  const found = await deps.engine.queryAccounts(queryFilter(checkedFilter(request.filter)))
  return { accounts: found.map(engineAccount) }
}
