// Whether wallets are frozen or closed: what the Ledger says of their accounts.
import { type Call } from '../../runtime/call.js'
import { walletAccount } from '../ledger/account-names.js'
import { type LedgerState } from '../wallets/wallet-accounts-client.js'
import { type StoredWallet } from '../wallets/wallet.js'
import { markWalletClosed } from '../wallets/wallet-store.js'
import { type RpcDeps } from './deps.js'

// A page may hold a thousand of them; the Ledger answers each in about a millisecond.
const askedAtOnceMax = 16

type StateDeps = Pick<RpcDeps, 'walletAccounts' | 'pool' | 'clock'>

export type WalletStateName = 'ACTIVE' | 'FROZEN' | 'CLOSED'

/**
 * The states of wallets whose accounts take no transfers, by id. Closed is for ever, so what is stored of that is true;
 * of the others only the Ledger knows, and what it says of a closing that was interrupted is noted.
 */
export async function walletStates(
  deps: StateDeps,
  call: Call,
  wallets: readonly StoredWallet[],
): Promise<Map<string, WalletStateName>> {
  const states = new Map<string, WalletStateName>()
  for (let start = 0; start < wallets.length; start += askedAtOnceMax) {
    const some = wallets.slice(start, start + askedAtOnceMax)
    const found = await Promise.all(some.map((wallet) => stateOf(deps, call, wallet)))
    for (const [index, { id }] of some.entries()) states.set(id, found[index] ?? 'ACTIVE')
  }
  return states
}

async function stateOf(deps: StateDeps, call: Call, wallet: StoredWallet): Promise<WalletStateName> {
  if (wallet.closeTimeMs !== undefined) return 'CLOSED'
  const state = await deps.walletAccounts.state(walletAccount(wallet.id), { parent: call })
  if (state === 'CLOSED') await markWalletClosed(deps.pool, wallet.id, deps.clock.nowMs())
  return nameOf(state)
}

function nameOf(state: LedgerState): WalletStateName {
  return state === 'OPEN' ? 'ACTIVE' : state
}
