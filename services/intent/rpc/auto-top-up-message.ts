import { type AutoTopUp as AutoTopUpMessage } from '../../../gen/paymesh/intent/v1/auto_top_up.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { type AutoTopUp, noRule } from '../wallets/auto-top-up.js'
import { type Wallet } from '../wallets/wallet.js'
import { walletIdOf } from './fields.js'
import { timestampOf } from './intent-message.js'

const suffix = '/autoTopUp'

/** The wallet's id in `wallets/{uuid}/autoTopUp`; notes a violation for anything else, and answers an empty text then. */
export function checkAutoTopUpName(check: FieldCheck, name: string, field: string): string {
  const id = name.endsWith(suffix) ? walletIdOf(name.slice(0, -suffix.length)) : undefined
  check.that(id !== undefined, field, 'must be wallets/{uuid}/autoTopUp')
  return id ?? ''
}

/** A wallet's rule as the contract says it; undefined is that of a wallet that never had one. */
export function autoTopUpMessage({ id, assetCode }: Wallet, stored: AutoTopUp | undefined): AutoTopUpMessage {
  const money = (minorUnits: bigint | undefined) => (minorUnits === undefined ? undefined : { assetCode, minorUnits })
  const { enabled, thresholdMinor, amountMinor, sourceWalletId, dailyCapMinor } = stored ?? noRule
  const { retryMs, lastFailure, lastIntentId } = stored ?? {}
  return {
    name: `wallets/${id}${suffix}`,
    enabled,
    threshold: money(thresholdMinor),
    amount: money(amountMinor),
    source: sourceWalletId === undefined ? '' : `wallets/${sourceWalletId}`,
    dailyCap: money(dailyCapMinor),
    usedToday: money(stored?.usedTodayMinor ?? 0n),
    nextAttemptTime: retryMs === undefined ? undefined : timestampOf(retryMs),
    lastFailure: lastFailure && { reason: lastFailure.reason, time: timestampOf(lastFailure.timeMs) },
    lastIntent: lastIntentId === undefined ? '' : `intents/${lastIntentId}`,
  }
}
