import { type CloseWalletRequest, type CloseWalletResponse } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { walletAccount } from '../ledger/account-names.js'
import { errorDomain } from '../errors.js'
import { walletClosed, walletFrozen, walletNotEmpty } from '../wallets/wallet-errors.js'
import { markWalletClosed } from '../wallets/wallet-store.js'
import { walletMessage } from './balances.js'
import { type RpcDeps } from './deps.js'
import { findWallet, storedWallet } from './find-wallet.js'
import { record } from './order-wallet.js'
import { checkWalletName } from './wallet-fields.js'

/**
 * Closes a wallet of the caller for ever: the Ledger decides whether it is empty, while its account takes no transfers,
 * so a payment under way arrives before or is refused after. A frozen wallet is not its owner's to close. Fails with
 * INVALID_FIELD, WALLET_NOT_FOUND, NOT_OWNER, WALLET_FROZEN, WALLET_NOT_EMPTY, WALLET_CLOSED (shut in the Ledger by a
 * transfer of somebody else's), DEPENDENCY_UNAVAILABLE.
 */
export async function closeWallet(
  deps: RpcDeps,
  call: Call,
  { name }: CloseWalletRequest,
): Promise<CloseWalletResponse> {
  const check = new FieldCheck(errorDomain)
  const id = checkWalletName(check, name, 'name')
  check.done()
  await findWallet(deps, call, id)
  if ((await storedWallet(deps, id)).closeTimeMs === undefined) await close(deps, call, id)
  return { wallet: await walletMessage(deps, call, await storedWallet(deps, id)) }
}

async function close(deps: RpcDeps, call: Call, walletId: string): Promise<void> {
  const [name, account] = [`wallets/${walletId}`, walletAccount(walletId)]
  if ((await deps.walletAccounts.state(account, { parent: call })) === 'FROZEN') throw walletFrozen(name)
  await record(deps, call, { walletId, kind: 'CLOSE', reason: '' })
  const changed = await deps.walletAccounts.change(account, 'close', { parent: call })
  if (changed.kind === 'notEmpty') throw walletNotEmpty(name)
  // Shut by a transfer of somebody else's, who may open it again: whether it is empty nobody has looked.
  if (changed.kind === 'closed') throw walletClosed(name)
  await markWalletClosed(deps.pool, walletId, deps.clock.nowMs())
}
