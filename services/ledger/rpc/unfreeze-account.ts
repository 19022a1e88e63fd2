import {
  type UnfreezeAccountRequest,
  type UnfreezeAccountResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { unfreeze, type LifecycleDeps } from '../account-lifecycle.js'
import { changedAccount } from './changed-account.js'

/** AccountService.UnfreezeAccount. */
export async function unfreezeAccount(
  deps: LifecycleDeps,
  _call: Call,
  { name }: UnfreezeAccountRequest,
): Promise<UnfreezeAccountResponse> {
  return { account: await changedAccount(deps, name, unfreeze) }
}
