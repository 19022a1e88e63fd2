import { type Call } from '../../runtime/call.js'
import { walletNotFound } from '../errors.js'
import { type StoredWallet, type Wallet } from '../wallets/wallet.js'
import { walletsById } from '../wallets/wallet-store.js'
import { authorizeWallet } from './access.js'
import { type RpcDeps } from './deps.js'

/** The wallet of that id, if the caller may see it. Throws WALLET_NOT_FOUND, NOT_OWNER. */
export async function findWallet(deps: RpcDeps, call: Call, id: string): Promise<Wallet> {
  const wallet = await deps.wallets.find(id)
  if (wallet === undefined) throw walletNotFound(`wallets/${id}`)
  authorizeWallet(call, wallet)
  return wallet
}

/** The wallet of that id as it is stored now, which the directory does not know. Throws WALLET_NOT_FOUND. */
export async function storedWallet(deps: Pick<RpcDeps, 'pool'>, id: string): Promise<StoredWallet> {
  const [wallet] = await walletsById(deps.pool, [id])
  if (wallet === undefined) throw walletNotFound(`wallets/${id}`)
  return wallet
}
