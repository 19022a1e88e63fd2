import {
  type FreezeAccountRequest,
  type FreezeAccountResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { freeze, type LifecycleDeps } from '../account-lifecycle.js'
import { changedAccount } from './changed-account.js'

/** AccountService.FreezeAccount. */
export async function freezeAccount(
  deps: LifecycleDeps,
  _call: Call,
  { name }: FreezeAccountRequest,
): Promise<FreezeAccountResponse> {
  return { account: await changedAccount(deps, name, freeze) }
}
