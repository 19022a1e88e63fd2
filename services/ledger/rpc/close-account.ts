import { type CloseAccountRequest, type CloseAccountResponse } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { close, type LifecycleDeps } from '../account-lifecycle.js'
import { changedAccount } from './changed-account.js'

/** AccountService.CloseAccount. */
export async function closeAccount(
  deps: LifecycleDeps,
  _call: Call,
  { name }: CloseAccountRequest,
): Promise<CloseAccountResponse> {
  return { account: await changedAccount(deps, name, close) }
}
