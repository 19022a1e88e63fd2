import { type Call, callerName } from '../../runtime/call.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { type RpcError } from '../../runtime/rpc-error.js'
import { legIds, type RequestKey, type Resolution, resolutionTransfers } from '../chain.js'
import { EVENTS_MAX } from '../engine.js'
import { ledgerError } from '../errors.js'
import { TransferStatus, transferStatusName } from '../state-machine/status.js'
import { hasFlag, type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { decideOnce, type RequestChainDeps, type RequestOutcome, UUID } from './request-chain.js'

/** A request about a hold. */
interface HoldRequest {
  readonly requestId: string
  /** `holds/{request_id}`. */
  readonly hold: string
}

const HOLDS = 'holds/'

/** The name of the hold that a request made. */
export function holdName(requestId: string): string {
  return `${HOLDS}${requestId}`
}

/** Notes what is wrong with the request ids of a request about a hold. */
export function checkHoldRequest(check: FieldCheck, { requestId, hold }: HoldRequest): void {
  const heldBy = hold.slice(HOLDS.length)
  check.that(UUID.test(requestId), 'request_id', 'must be a UUID')
  check.that(hold.startsWith(HOLDS) && UUID.test(heldBy), 'hold', 'must be like holds/{request_id}')
  const same = requestId.toLowerCase() === heldBy.toLowerCase()
  check.that(!same, 'request_id', "must be another than the hold's")
}

/** The transfers of a hold, in order. Throws HOLD_NOT_FOUND. */
export async function findHold(
  deps: RequestChainDeps,
  call: Call,
  { hold }: HoldRequest,
): Promise<readonly Transfer[]> {
  const key = { caller: callerName(call.caller), requestId: hold.slice(HOLDS.length).toLowerCase() }
  const held = await deps.engine.lookupTransfers(legIds(deps.namespace, key, EVENTS_MAX))
  // The same ids without the flag: that request moved money, or resolved a hold itself.
  if (!hasFlag(held[0]?.flags ?? 0, TransferFlag.PENDING)) {
    throw ledgerError('HOLD_NOT_FOUND', `${hold} does not exist.`, { hold })
  }
  return held
}

/** Posts or voids a hold, once. Throws REQUEST_ID_REUSED, CHAIN_REFUSED and what a hold is refused with. */
export function resolveHold(
  deps: RequestChainDeps,
  call: Call,
  request: HoldRequest,
  held: readonly Transfer[],
  resolution: Resolution,
): Promise<RequestOutcome> {
  const key: RequestKey = { caller: callerName(call.caller), requestId: request.requestId.toLowerCase() }
  const transfers = resolutionTransfers(deps.namespace, { ...key, held, resolution })
  return decideOnce(deps, call, { key, transfers, refusal: (leg, status) => refusal(request.hold, leg, status) })
}

function refusal(hold: string, leg: number, status: TransferStatus): RpcError {
  switch (status) {
    case TransferStatus.PENDING_TRANSFER_NOT_FOUND:
    case TransferStatus.PENDING_TRANSFER_NOT_PENDING:
      return ledgerError('HOLD_NOT_FOUND', `${hold} does not exist.`, { hold })
    case TransferStatus.EXCEEDS_PENDING_TRANSFER_AMOUNT:
      return exceeded(hold, leg)
    case TransferStatus.PENDING_TRANSFER_ALREADY_POSTED:
      return ledgerError('HOLD_ALREADY_POSTED', `${hold} was posted by another request.`, { hold })
    case TransferStatus.PENDING_TRANSFER_ALREADY_VOIDED:
      return ledgerError('HOLD_ALREADY_VOIDED', `${hold} was voided by another request.`, { hold })
    case TransferStatus.PENDING_TRANSFER_EXPIRED:
      return ledgerError('HOLD_EXPIRED', `${hold} expired; its money is free again.`, { hold })
    default: {
      // A frozen or closed account; anything else is a bug of ours, and its name helps to find it.
      const name = transferStatusName(status)
      return ledgerError('CHAIN_REFUSED', `Leg ${leg} was refused: ${name}.`, { leg: String(leg), status: name })
    }
  }
}

function exceeded(hold: string, leg: number): RpcError {
  const message = `More was asked to be posted than leg ${leg} of ${hold} holds.`
  return ledgerError('HOLD_EXCEEDED', message, { hold, leg: String(leg) })
}
