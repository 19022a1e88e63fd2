import { type GetAccountRequest, type GetAccountResponse } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { accountMessage } from '../account-message.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { type NamedAccountStore } from '../named-account-store.js'

/** AccountService.GetAccount. */
export async function getAccount(
  deps: { readonly names: NamedAccountStore },
  _call: Call,
  { name }: GetAccountRequest,
): Promise<GetAccountResponse> {
  const check = new FieldCheck(DOMAIN)
  check.that(parseResourceName('accounts/{account}', name) !== undefined, 'name', 'must be like accounts/{account}')
  check.done()
  const found = await deps.names.find(name)
  if (found === undefined) throw ledgerError('ACCOUNT_NOT_FOUND', `${name} does not exist.`, { account: name })
  return { account: accountMessage(found) }
}
