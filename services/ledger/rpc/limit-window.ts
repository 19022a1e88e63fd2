import { LimitMetric, type LimitUsage, type LimitWindow } from '../../../gen/paymesh/ledger/v1/limit.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { type RpcError } from '../../runtime/rpc-error.js'
import { type AssetStore, COUNTS_LEDGER } from '../asset-store.js'
import { ledgerError } from '../errors.js'
import { type LimitKey, type LimitState } from '../limit-account.js'

const LIMIT = /^[A-Za-z0-9_-]{1,64}$/
const SCOPE_KEY = /^[A-Za-z0-9._~:@-]{1,128}$/
const WINDOW = /^[A-Za-z0-9_-]{1,32}$/

/** Notes what is wrong with the window of a request. */
export function checkWindow(check: FieldCheck, window: LimitWindow | undefined): void {
  const { limit = '', scopeKey = '', window: name = '', metric = 0, assetCode = '' } = window ?? {}
  check.that(LIMIT.test(limit), 'window.limit', 'must be 1 to 64 of A-Z a-z 0-9 _ -')
  check.that(SCOPE_KEY.test(scopeKey), 'window.scope_key', 'must be 1 to 128 of A-Z a-z 0-9 . _ ~ : @ -')
  check.that(WINDOW.test(name), 'window.window', 'must be 1 to 32 of A-Z a-z 0-9 _ -')
  const isMetric = metric === LimitMetric.AMOUNT || metric === LimitMetric.COUNT
  check.that(isMetric, 'window.metric', 'is required and must be a metric')
  const isAmount = metric === LimitMetric.AMOUNT
  check.that((assetCode !== '') === isAmount, 'window.asset_code', 'is required for amounts, and only for them')
}

/** A window that was checked, with its ledger. Throws ASSET_NOT_FOUND. */
export async function limitKeyOf(assets: AssetStore, window: LimitWindow | undefined): Promise<LimitKey> {
  const { limit = '', scopeKey = '', window: name = '', metric = 0, assetCode = '' } = window ?? {}
  if (metric === LimitMetric.COUNT) return { limit, scopeKey, window: name, ledger: COUNTS_LEDGER }
  const asset = await assets.find(assetCode)
  if (asset === undefined) {
    throw ledgerError('ASSET_NOT_FOUND', `The asset ${assetCode} is not defined.`, { asset_code: assetCode })
  }
  return { limit, scopeKey, window: name, ledger: asset.limitsLedger }
}

export function metricMismatch({ limit }: LimitKey): RpcError {
  return ledgerError('LIMIT_ASSET_MISMATCH', `This window of ${limit} is of another metric.`, { limit })
}

/** What of a window was used, as the contract shows it. Caps are int64, and nothing of a window is more than its caps. */
export function usageMessage({ cap, used, left, held }: LimitState): LimitUsage {
  return { cap, used, left, held }
}
