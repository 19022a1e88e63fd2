import { type Account } from '../../../gen/paymesh/ledger/v1/account.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { type LifecycleDeps, type LifecycleOutcome } from '../account-lifecycle.js'
import { accountMessage } from '../account-message.js'
import { decided, DOMAIN, ledgerError } from '../errors.js'

/** Takes an account through its lifecycle and answers it as it then is. Throws what FreezeAccount and the like fail with. */
export async function changedAccount(
  deps: LifecycleDeps,
  account: string,
  change: (deps: LifecycleDeps, name: string) => Promise<LifecycleOutcome>,
): Promise<Account> {
  const check = new FieldCheck(DOMAIN)
  check.that(parseResourceName('accounts/{account}', account) !== undefined, 'name', 'must be like accounts/{account}')
  check.done()
  const outcome = await decided(change(deps, account))
  switch (outcome) {
    case 'not_found':
      throw ledgerError('ACCOUNT_NOT_FOUND', `${account} does not exist.`, { account })
    case 'closed':
      throw ledgerError('ACCOUNT_CLOSED', `${account} is closed.`, { account })
    case 'not_empty':
      throw ledgerError('ACCOUNT_NOT_EMPTY', `${account} has money, a hold or an open sub-account.`, { account })
    case 'done': {
      const found = await deps.names.find(account)
      if (found === undefined) throw new Error(`the account ${account} vanished`)
      return accountMessage(found)
    }
  }
}
