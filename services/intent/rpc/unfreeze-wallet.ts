import {
  type UnfreezeWalletRequest,
  type UnfreezeWalletResponse,
} from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Call } from '../../runtime/call.js'
import { type RpcDeps } from './deps.js'
import { orderWallet } from './order-wallet.js'

/** Lets payments pass again. Fails with INVALID_FIELD, WALLET_NOT_FOUND, WALLET_CLOSED, DEPENDENCY_UNAVAILABLE. */
export async function unfreezeWallet(
  deps: RpcDeps,
  call: Call,
  request: UnfreezeWalletRequest,
): Promise<UnfreezeWalletResponse> {
  return { wallet: await orderWallet(deps, call, 'UNFREEZE', request) }
}
