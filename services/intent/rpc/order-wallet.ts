// What FreezeWallet and UnfreezeWallet have in common.
import { type Wallet as WalletMessage } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { walletAccount } from '../ledger/account-names.js'
import { errorDomain, walletNotFound } from '../errors.js'
import { walletClosed } from '../wallets/wallet-errors.js'
import { recordWalletOrder, type WalletOrder } from '../wallets/wallet-order-store.js'
import { walletMessage } from './balances.js'
import { type RpcDeps } from './deps.js'
import { storedWallet } from './find-wallet.js'
import { checkReason, checkWalletName } from './wallet-fields.js'

const wishes = { FREEZE: 'freeze', UNFREEZE: 'unfreeze', CLOSE: 'close' } as const

/** Writes down who asked for what and why, before it is done: a crash in between leaves a wish that can be repeated. */
export async function record(
  deps: RpcDeps,
  call: Call,
  order: Pick<WalletOrder, 'walletId' | 'kind' | 'reason'>,
): Promise<void> {
  const actor = callerName(call.caller)
  await recordWalletOrder(deps.pool, { ...order, id: deps.newId(), actor, createTimeMs: deps.clock.nowMs() })
}

/** Freezes or unfreezes anybody's wallet. Throws INVALID_FIELD, WALLET_NOT_FOUND, WALLET_CLOSED. */
export async function orderWallet(
  deps: RpcDeps,
  call: Call,
  kind: 'FREEZE' | 'UNFREEZE',
  request: { readonly name: string; readonly reason: string },
): Promise<WalletMessage> {
  const check = new FieldCheck(errorDomain)
  const walletId = checkWalletName(check, request.name, 'name')
  checkReason(check, request.reason)
  check.done()
  const wallet = await deps.wallets.find(walletId)
  if (wallet === undefined) throw walletNotFound(request.name)
  await record(deps, call, { walletId, kind, reason: request.reason })
  const changed = await deps.walletAccounts.change(walletAccount(walletId), wishes[kind], { parent: call })
  if (changed.kind !== 'done') throw walletClosed(request.name)
  return await walletMessage(deps, call, await storedWallet(deps, walletId))
}
