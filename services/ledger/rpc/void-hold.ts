import { type VoidHoldRequest, type VoidHoldResponse } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { DOMAIN } from '../errors.js'
import { type RequestChainDeps } from './request-chain.js'
import { checkHoldRequest, findHold, resolveHold } from './resolve-hold.js'

/** AccountService.VoidHold. */
export async function voidHold(
  deps: RequestChainDeps,
  call: Call,
  request: VoidHoldRequest,
): Promise<VoidHoldResponse> {
  const check = new FieldCheck(DOMAIN)
  checkHoldRequest(check, request)
  check.done()
  const held = await findHold(deps, call, request)
  return resolveHold(deps, call, request, held, { kind: 'void' })
}
