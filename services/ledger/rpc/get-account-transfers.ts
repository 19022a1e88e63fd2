import {
  type GetAccountTransfersRequest,
  type GetAccountTransfersResponse,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call } from '../../runtime/call.js'
import { type Engine } from '../engine.js'
import { accountFilter, wireTransfer } from '../wire.js'
import { checkedFilter } from './filter-check.js'

/** TransferService.GetAccountTransfers. */
export async function getAccountTransfers(
  deps: { readonly engine: Engine },
  _call: Call,
  request: GetAccountTransfersRequest,
): Promise<GetAccountTransfersResponse> {
  const found = await deps.engine.getAccountTransfers(accountFilter(checkedFilter(request.filter)))
  return { transfers: found.map(wireTransfer) }
}
