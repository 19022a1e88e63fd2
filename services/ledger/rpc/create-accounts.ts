import {
  type CreateAccountsRequest,
  type CreateAccountsResponse,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call } from '../../runtime/call.js'
import { type Engine } from '../engine.js'
import { decided } from '../errors.js'
import { accountEvent, eventResults } from '../wire.js'
import { checkEvents } from './batch-check.js'

/** TransferService.CreateAccounts. */
export async function createAccounts(
  deps: { readonly engine: Engine },
  call: Call,
  request: CreateAccountsRequest,
): Promise<CreateAccountsResponse> {
  checkEvents('accounts', request.accounts)
  const results = await decided(deps.engine.createAccounts(request.accounts.map(accountEvent), call.signal))
  return { results: eventResults(results) }
}
