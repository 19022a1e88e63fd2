import {
  type GetLimitUsageRequest,
  type GetLimitUsageResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type AssetStore } from '../asset-store.js'
import { DOMAIN } from '../errors.js'
import { type LimitDeps, readLimit } from '../limit-account.js'
import { checkWindow, limitKeyOf, metricMismatch, usageMessage } from './limit-window.js'

export interface GetLimitUsageDeps extends LimitDeps {
  readonly assets: AssetStore
}

/** AccountService.GetLimitUsage. */
export async function getLimitUsage(
  deps: GetLimitUsageDeps,
  _call: Call,
  { window }: GetLimitUsageRequest,
): Promise<GetLimitUsageResponse> {
  const check = new FieldCheck(DOMAIN)
  checkWindow(check, window)
  check.done()
  const key = await limitKeyOf(deps.assets, window)
  const outcome = await readLimit(deps, key)
  switch (outcome.kind) {
    case 'mismatch':
      throw metricMismatch(key)
    case 'unopened':
      return { account: '', usage: { cap: 0n, used: 0n, left: 0n, held: 0n } }
    case 'open':
      return { account: outcome.state.name, usage: usageMessage(outcome.state) }
  }
}
