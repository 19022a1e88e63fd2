import {
  type QueryTransfersRequest,
  type QueryTransfersResponse,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call } from '../../runtime/call.js'
import { type Engine } from '../engine.js'
import { queryFilter, wireTransfer } from '../wire.js'
import { checkedFilter } from './filter-check.js'

/** TransferService.QueryTransfers. */
export async function queryTransfers(
  deps: { readonly engine: Engine },
  _call: Call,
  request: QueryTransfersRequest,
): Promise<QueryTransfersResponse> {
  const found = await deps.engine.queryTransfers(queryFilter(checkedFilter(request.filter)))
  return { transfers: found.map(wireTransfer) }
}
