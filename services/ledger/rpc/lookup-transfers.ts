import {
  type LookupTransfersRequest,
  type LookupTransfersResponse,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call } from '../../runtime/call.js'
import { type Engine } from '../engine.js'
import { idsOf, wireTransfer } from '../wire.js'
import { checkCount } from './batch-check.js'

/** TransferService.LookupTransfers. */
export async function lookupTransfers(
  deps: { readonly engine: Engine },
  _call: Call,
  request: LookupTransfersRequest,
): Promise<LookupTransfersResponse> {
  checkCount('ids', request.ids.length)
  const transfers = await deps.engine.lookupTransfers(idsOf(request.ids))
  return { transfers: transfers.map(wireTransfer) }
}
