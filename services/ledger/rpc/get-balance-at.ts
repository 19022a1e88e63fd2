import { type GetBalanceAtRequest, type GetBalanceAtResponse } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { type Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { balances } from '../account-message.js'
import { type Engine } from '../engine.js'
import { bothSides } from '../entries.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { type NamedAccountStore } from '../named-account-store.js'
import { AccountFlag } from '../state-machine/account.js'
import { hasFlag } from '../state-machine/transfer.js'
import { timeNs } from '../../runtime/period.js'

const NOTHING = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n }

/** AccountService.GetBalanceAt. */
export async function getBalanceAt(
  deps: { readonly engine: Engine; readonly names: NamedAccountStore; readonly clock: Clock },
  _call: Call,
  { name: account, time }: GetBalanceAtRequest,
): Promise<GetBalanceAtResponse> {
  const check = new FieldCheck(DOMAIN)
  const isName = parseResourceName('accounts/{account}', account) !== undefined
  check.that(isName, 'name', 'must be like accounts/{account}')
  check.that(time !== undefined, 'time', 'is required')
  const max = time === undefined ? 1n : timeNs(check, 'time', time)
  check.that(max <= deps.clock.nowNs(), 'time', 'must not be in the future')
  check.done()

  const found = await deps.names.find(account)
  if (found === undefined) throw ledgerError('ACCOUNT_NOT_FOUND', `${account} does not exist.`, { account })
  if (!hasFlag(found.account.flags, AccountFlag.HISTORY)) {
    throw ledgerError('NO_HISTORY', `${account} keeps no history of its balances.`, { account })
  }
  const filter = bothSides(found.account.id, { min: 1n, max, countMax: 1, newestFirst: true })
  const [row] = await deps.engine.getAccountBalances(filter)
  return { balances: balances(row ?? NOTHING, found.name.assetCode) }
}
