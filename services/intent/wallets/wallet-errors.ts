// How calls about wallets fail, beside what all calls may fail with.
import { type RpcError } from '../../runtime/rpc-error.js'
import { failure } from '../errors.js'
import { walletsMax } from './wallet.js'

export function walletClosed(wallet: string): RpcError {
  return failure('WALLET_CLOSED', `${wallet} is closed for ever.`, { wallet })
}

export function walletFrozen(wallet: string): RpcError {
  return failure('WALLET_FROZEN', `${wallet} is frozen; support can unfreeze it.`, { wallet })
}

export function walletNotEmpty(wallet: string): RpcError {
  return failure('WALLET_NOT_EMPTY', `${wallet} has money, or something is held in it.`, { wallet })
}

export function walletChanged(wallet: string): RpcError {
  return failure('WALLET_CHANGED', `${wallet} changed since it was read.`, { wallet })
}

export function tooManyWallets(assetCode: string): RpcError {
  const message = `There may be ${walletsMax} wallets in ${assetCode}; close one that is not needed.`
  return failure('TOO_MANY_WALLETS', message, { asset_code: assetCode, most: String(walletsMax) })
}
