import { type PostHoldRequest, type PostHoldResponse } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type AssetStore } from '../asset-store.js'
import { DOMAIN } from '../errors.js'
import { type Transfer } from '../state-machine/transfer.js'
import { type RequestChainDeps } from './request-chain.js'
import { checkHoldRequest, findHold, resolveHold } from './resolve-hold.js'

export interface PostHoldDeps extends RequestChainDeps {
  readonly assets: AssetStore
}

/** AccountService.PostHold. */
export async function postHold(deps: PostHoldDeps, call: Call, request: PostHoldRequest): Promise<PostHoldResponse> {
  const check = new FieldCheck(DOMAIN)
  checkHoldRequest(check, request)
  for (const [index, amount] of request.amounts.entries()) {
    const isNegative = (amount.minorUnits ?? 0n) < 0n
    check.that(!isNegative, `amounts[${index}].minor_units`, 'must not be negative')
  }
  check.done()
  const held = await findHold(deps, call, request)
  const amounts = await amountsOf(deps.assets, request, held)
  return resolveHold(deps, call, request, held, { kind: 'post', amounts })
}

/** What to post of each leg. Throws INVALID_FIELD when the amounts are not those of the hold's legs. */
async function amountsOf(
  assets: AssetStore,
  { amounts }: PostHoldRequest,
  held: readonly Transfer[],
): Promise<bigint[]> {
  if (amounts.length === 0) return held.map(({ amount }) => amount)
  const check = new FieldCheck(DOMAIN)
  check.that(amounts.length === held.length, 'amounts', `must be ${held.length}, one a leg, or none`)
  for (const [index, { assetCode }] of amounts.entries()) {
    const asset = await assets.find(assetCode)
    const matches = asset !== undefined && asset.ledger === (held[index]?.ledger ?? asset.ledger)
    check.that(matches, `amounts[${index}].asset_code`, 'must be the asset of the leg')
  }
  check.done()
  return amounts.map(({ minorUnits }) => minorUnits ?? 0n)
}
