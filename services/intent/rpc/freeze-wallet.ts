import { type FreezeWalletRequest, type FreezeWalletResponse } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Call } from '../../runtime/call.js'
import { type RpcDeps } from './deps.js'
import { orderWallet } from './order-wallet.js'

/** Stops all payments from and to a wallet. Fails with INVALID_FIELD, WALLET_NOT_FOUND, WALLET_CLOSED, DEPENDENCY_UNAVAILABLE. */
export async function freezeWallet(
  deps: RpcDeps,
  call: Call,
  request: FreezeWalletRequest,
): Promise<FreezeWalletResponse> {
  return { wallet: await orderWallet(deps, call, 'FREEZE', request) }
}
