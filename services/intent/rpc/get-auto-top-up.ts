import { type GetAutoTopUpRequest, type GetAutoTopUpResponse } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { findAutoTopUp } from '../wallets/auto-top-up-store.js'
import { errorDomain } from '../errors.js'
import { autoTopUpMessage, checkAutoTopUpName } from './auto-top-up-message.js'
import { type RpcDeps } from './deps.js'
import { findWallet } from './find-wallet.js'

/** Answers the rule by which a wallet of the caller is filled. Fails with INVALID_FIELD, WALLET_NOT_FOUND, NOT_OWNER. */
export async function getAutoTopUp(
  deps: RpcDeps,
  call: Call,
  { name }: GetAutoTopUpRequest,
): Promise<GetAutoTopUpResponse> {
  const check = new FieldCheck(errorDomain)
  const walletId = checkAutoTopUpName(check, name, 'name')
  check.done()
  const wallet = await findWallet(deps, call, walletId)
  return { autoTopUp: autoTopUpMessage(wallet, await findAutoTopUp(deps.pool, walletId)) }
}
