// Wallets with their balances, from the Ledger at the time of the answer.
import { type Wallet as WalletMessage, WalletState } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type Call } from '../../runtime/call.js'
import { fromUint128 } from '../../runtime/ids.js'
import { walletAccount } from '../ledger/account-names.js'
import { type StoredWallet, type Wallet } from '../wallets/wallet.js'
import { freezeReasons } from '../wallets/wallet-order-store.js'
import { type RpcDeps } from './deps.js'
import { timestampOf } from './intent-message.js'
import { walletStates } from './wallet-state.js'

export interface Balance {
  /** What may be spent now: credits posted less debits posted and pending. */
  readonly availableMinor: bigint
  /** Debits pending. */
  readonly heldMinor: bigint
  /** Whether the account takes transfers; it does not when it is frozen or closed. */
  readonly takesTransfers: boolean
}

const none: Balance = { availableMinor: 0n, heldMinor: 0n, takesTransfers: true }
// The Ledger looks up no more at once.
const lookupMax = 253
// The Ledger's flag of an account that takes no transfers.
const accountClosed = 32

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
      const takesTransfers = (account.flags & accountClosed) === 0
      if (walletId !== undefined) balances.set(walletId, { availableMinor, heldMinor, takesTransfers })
    }
  }
  return balances
}

type MessageDeps = Pick<RpcDeps, 'ledger' | 'accountIds' | 'walletAccounts' | 'pool' | 'clock'>

/** The wallets as the contract says them to this caller. */
export async function walletMessages(
  deps: MessageDeps,
  call: Call,
  wallets: readonly StoredWallet[],
): Promise<WalletMessage[]> {
  const ids = wallets.map((wallet) => wallet.id)
  const balances = await availableOf(deps, call, ids)
  const balanceOf = ({ id }: Wallet) => balances.get(id) ?? none
  const states = await walletStates(
    deps,
    call,
    wallets.filter((wallet) => !balanceOf(wallet).takesTransfers),
  )
  const reasons = await reasonsFor(deps, call, wallets, states)
  return wallets.map((wallet) => ({
    ...walletToMessage(wallet, balanceOf(wallet)),
    state: WalletState[states.get(wallet.id) ?? 'ACTIVE'],
    freezeReason: reasons.get(wallet.id) ?? '',
  }))
}

/** One wallet as the contract says it to this caller. */
export async function walletMessage(deps: MessageDeps, call: Call, wallet: StoredWallet): Promise<WalletMessage> {
  const [message] = await walletMessages(deps, call, [wallet])
  if (message === undefined) throw new Error('one wallet is one message')
  return message
}

function walletToMessage(wallet: StoredWallet, balance: Balance): WalletMessage {
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
    labels: { ...wallet.labels },
    etag: `"${wallet.revision}"`,
    freezeReason: '',
  }
}

/** Why frozen wallets are, for who may freeze: an owner who is looked into is not told. */
async function reasonsFor(
  deps: MessageDeps,
  call: Call,
  wallets: readonly StoredWallet[],
  states: ReadonlyMap<string, keyof typeof WalletState>,
): Promise<Map<string, string>> {
  const told = wallets.filter((wallet) => states.get(wallet.id) === 'FROZEN' && mayFreeze(call, wallet))
  if (told.length === 0) return new Map()
  return await freezeReasons(
    deps.pool,
    told.map((wallet) => wallet.id),
  )
}

function mayFreeze(call: Call, wallet: Wallet): boolean {
  const { caller } = call
  if (caller.kind !== 'subject') return true
  return caller.subject.permissions.has('wallet:freeze') && caller.subject.name !== wallet.owner
}
