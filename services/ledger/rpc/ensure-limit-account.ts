import {
  type EnsureLimitAccountRequest,
  type EnsureLimitAccountResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { toUint128 } from '../../runtime/ids.js'
import { type AssetStore } from '../asset-store.js'
import { decided, DOMAIN } from '../errors.js'
import { ensureLimit, LIMIT_CODE, type LimitDeps, sinkOf } from '../limit-account.js'
import { checkWindow, limitKeyOf, metricMismatch, usageMessage } from './limit-window.js'

export interface EnsureLimitAccountDeps extends LimitDeps {
  readonly assets: AssetStore
}

/** AccountService.EnsureLimitAccount. */
export async function ensureLimitAccount(
  deps: EnsureLimitAccountDeps,
  _call: Call,
  { window, cap, version }: EnsureLimitAccountRequest,
): Promise<EnsureLimitAccountResponse> {
  const check = new FieldCheck(DOMAIN)
  checkWindow(check, window)
  check.that(cap !== undefined && cap >= 0n, 'cap', 'is required and must not be negative')
  check.that(version > 0n, 'version', 'must be at least 1')
  check.done()
  const key = await limitKeyOf(deps.assets, window)
  const outcome = await decided(ensureLimit(deps, key, { cap: cap ?? 0n, version }))
  if (outcome.kind !== 'open') throw metricMismatch(key)
  const { state } = outcome
  const sink = sinkOf(deps, key)
  return {
    account: state.name,
    accountId: toUint128(state.accountId),
    sinkAccount: sink.name,
    sinkAccountId: toUint128(sink.id),
    ledger: key.ledger,
    code: LIMIT_CODE,
    usage: usageMessage(state),
  }
}
