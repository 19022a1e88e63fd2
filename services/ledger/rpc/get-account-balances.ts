import {
  type GetAccountBalancesRequest,
  type GetAccountBalancesResponse,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call } from '../../runtime/call.js'
import { type Engine } from '../engine.js'
import { accountBalance, accountFilter } from '../wire.js'
import { checkedFilter } from './filter-check.js'

/** TransferService.GetAccountBalances. */
export async function getAccountBalances(
  deps: { readonly engine: Engine },
  _call: Call,
  request: GetAccountBalancesRequest,
): Promise<GetAccountBalancesResponse> {
  const found = await deps.engine.getAccountBalances(accountFilter(checkedFilter(request.filter)))
  return { balances: found.map(accountBalance) }
}
