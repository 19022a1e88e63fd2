import {
  type CreateTransfersRequest,
  type CreateTransfersResponse,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call } from '../../runtime/call.js'
import { type Engine } from '../engine.js'
import { decided } from '../errors.js'
import { eventResults, transferEvent } from '../wire.js'
import { checkEvents } from './batch-check.js'

/** TransferService.CreateTransfers. */
export async function createTransfers(
  deps: { readonly engine: Engine },
  call: Call,
  request: CreateTransfersRequest,
): Promise<CreateTransfersResponse> {
  checkEvents('transfers', request.transfers)
  const events = request.transfers.map(transferEvent)
  const { results } = await decided(deps.engine.createTransfers(events, { signal: call.signal }))
  return { results: eventResults(results) }
}
