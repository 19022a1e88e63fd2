import { type GetWalletRequest, type GetWalletResponse } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { walletMessage } from './balances.js'
import { type RpcDeps } from './deps.js'
import { walletIdOf } from './fields.js'
import { findWallet, storedWallet } from './find-wallet.js'

/**
 * Answers a wallet of the caller with its balance. Fails with INVALID_FIELD, WALLET_NOT_FOUND, NOT_OWNER,
 * DEPENDENCY_UNAVAILABLE.
 */
export async function getWallet(deps: RpcDeps, call: Call, request: GetWalletRequest): Promise<GetWalletResponse> {
  const check = new FieldCheck(errorDomain)
  const id = walletIdOf(request.name)
  check.that(id !== undefined, 'name', 'must be wallets/{uuid}')
  check.done()
  await findWallet(deps, call, id ?? '')
  return { wallet: await walletMessage(deps, call, await storedWallet(deps, id ?? '')) }
}
