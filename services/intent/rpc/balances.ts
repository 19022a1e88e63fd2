// Wallets with their balances, from the Ledger at the time of the answer.
import { type Wallet as WalletMessage, WalletState } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type Call } from '../../runtime/call.js'
import { fromUint128 } from '../../runtime/ids.js'
import { walletAccount } from '../account-names.js'
import { type Wallet } from '../wallet.js'
import { type RpcDeps } from './deps.js'
import { timestampOf } from './intent-message.js'

export interface Balance {
  /** What may be spent now: credits posted less debits posted and pending. */
  readonly availableMinor: bigint
  /** Debits pending. */
  readonly heldMinor: bigint
}

const none: Balance = { availableMinor: 0n, heldMinor: 0n }
// The Ledger looks up no more at once.
const lookupMax = 253

/** Balances by wallet id, in as few calls as the Ledger allows. Wallets without an account are left out. */
export async function availableOf(
  deps: Pick<RpcDeps, 'ledger' | 'accountIds'>,
  call: Call,
  walletIds: readonly string[],
): Promise<Map<string, Balance>> {
  const walletOf = new Map(walletIds.map((id) => [fromUint128(deps.accountIds.of(walletAccount(id))), id] as const))
  const accountIds = [...walletOf.keys()]
  const balances = new Map<string, Balance>()
  for (let start = 0; start < accountIds.length; start += lookupMax) {
    const accounts = await deps.ledger.lookupAccounts(accountIds.slice(start, start + lookupMax), { parent: call })
    for (const account of accounts) {
      const walletId = walletOf.get(fromUint128(account.id))
      const heldMinor = fromUint128(account.debitsPending)
      const availableMinor = fromUint128(account.creditsPosted) - fromUint128(account.debitsPosted) - heldMinor
      if (walletId !== undefined) balances.set(walletId, { availableMinor, heldMinor })
    }
  }
  return balances
}

/** The wallets as the contract says them. */
export async function walletMessages(
  deps: Pick<RpcDeps, 'ledger' | 'accountIds'>,
  call: Call,
  wallets: readonly Wallet[],
): Promise<WalletMessage[]> {
  const balances = await availableOf(
    deps,
    call,
    wallets.map((wallet) => wallet.id),
  )
  return wallets.map((wallet) => walletToMessage(wallet, balances.get(wallet.id) ?? none))
}

/** One wallet as the contract says it. */
export async function walletMessage(
  deps: Pick<RpcDeps, 'ledger' | 'accountIds'>,
  call: Call,
  wallet: Wallet,
): Promise<WalletMessage> {
  const balances = await availableOf(deps, call, [wallet.id])
  return walletToMessage(wallet, balances.get(wallet.id) ?? none)
}

function walletToMessage(wallet: Wallet, balance: Balance): WalletMessage {
  const money = (minorUnits: bigint) => ({ assetCode: wallet.assetCode, minorUnits })
  return {
    name: `wallets/${wallet.id}`,
    owner: wallet.owner,
    assetCode: wallet.assetCode,
    displayName: wallet.displayName,
    state: WalletState.ACTIVE,
    available: money(balance.availableMinor),
    held: money(balance.heldMinor),
    ledgerAccount: walletAccount(wallet.id),
    createTime: timestampOf(wallet.createTimeMs),
  }
}
