import {
  type UpdateAccountRequest,
  type UpdateAccountResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { maskedFields } from '../../runtime/field-mask.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { accountMessage, etagOf } from '../account-message.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { type NamedAccountStore } from '../named-account-store.js'
import { checkLabels } from './ensure-account.js'

const MASKABLE = { changeable: ['labels'], named: ['name', 'etag'] }

/** AccountService.UpdateAccount. */
export async function updateAccount(
  { names }: { readonly names: NamedAccountStore },
  _call: Call,
  { account: wanted, updateMask }: UpdateAccountRequest,
): Promise<UpdateAccountResponse> {
  const { name: account = '', labels = {}, etag = '' } = wanted ?? {}
  const check = new FieldCheck(DOMAIN)
  const isName = parseResourceName('accounts/{account}', account) !== undefined
  check.that(isName, 'account.name', 'must be like accounts/{account}')
  checkLabels(check, 'account.labels', labels)
  const changes = maskedFields(check, updateMask, MASKABLE).has('labels')
  check.done()

  const found = await names.find(account)
  if (found === undefined) throw ledgerError('ACCOUNT_NOT_FOUND', `${account} does not exist.`, { account })
  const isCurrent = etag === '' || etag === etagOf(found.name)
  const revision = etag === '' ? undefined : found.name.revision
  if (!isCurrent || (changes && !(await names.changeLabels(account, labels, revision)))) {
    throw ledgerError('ETAG_MISMATCH', `${account} changed since it was read.`, { account })
  }
  const changed = await names.find(account)
  if (changed === undefined) throw new Error(`the account ${account} vanished`)
  return { account: accountMessage(changed) }
}
