// How accounts in the Ledger are named. The Ledger derives an account's 128-bit id from its name, and so do we.
import { type LedgerParty } from '../intents/intent.js'

export function walletAccount(walletId: string): string {
  return `accounts/wallet.${walletId}`
}

/** The wallet whose account it is; undefined for the house's accounts. */
export function walletOfAccount(account: string): string | undefined {
  return /^accounts\/wallet\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(account)?.[1]
}

/** The account of one asset through which every chain passes; zero whenever no chain is open. */
export function transitAccount(assetCode: string): string {
  return `accounts/transit.${assetCode}`
}

/** The other side of money that entered Paymesh. */
export function settlementAccount(assetCode: string): string {
  return `accounts/settlement.${assetCode}`
}

/** What one provider has paid out for us, less what we have paid it. */
export function providerAccount(provider: string, assetCode: string): string {
  return `${settlementAccount(assetCode)}.${provider}`
}

/** What a provider has paid out although our money was given back, until somebody has found who has it. */
export function suspenseAccount(provider: string, assetCode: string): string {
  return `accounts/suspense.${assetCode}.${provider}`
}

export function isSuspenseAccount(account: string): boolean {
  return account.startsWith('accounts/suspense.')
}

/** Whether it is one of those that money enters and leaves by. */
export function isSettlementAccount(account: string): boolean {
  return account.startsWith('accounts/settlement.')
}

/** The account that a party's money is on. */
export function accountName(party: LedgerParty): string {
  switch (party.kind) {
    case 'wallet':
      return walletAccount(party.walletId)
    case 'account':
      return party.account
  }
}
