import {
  type CreateAccountRequest,
  type CreateAccountResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { accountMessage } from '../account-message.js'
import { DOMAIN } from '../errors.js'
import { ensureAccount, type EnsureAccountDeps, parseAccount } from './ensure-account.js'

/**
 * AccountService.CreateAccount. The name is written first and the engine's account last: an account that can be paid to
 * always has a name, and whoever repeats an interrupted call completes it.
 */
export async function createAccount(
  deps: EnsureAccountDeps,
  call: Call,
  request: CreateAccountRequest,
): Promise<CreateAccountResponse> {
  const check = new FieldCheck(DOMAIN)
  const wanted = parseAccount(check, '', deps.namespace, request)
  check.done()
  if (wanted === undefined) throw new Error('unreachable: the kind was checked')
  await ensureAccount(deps, call, wanted)
  const found = await deps.names.find(wanted.name)
  if (found === undefined) throw new Error(`the account ${wanted.name} vanished`)
  return { account: accountMessage(found) }
}
