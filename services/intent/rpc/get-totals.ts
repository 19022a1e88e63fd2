import { type Timestamp } from '../../../gen/google/protobuf/timestamp.js'
import { type GetTotalsRequest, type GetTotalsResponse } from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { IntentState as StateMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { totalsOfPeriod } from '../intents/admin-store.js'
import { errorDomain } from '../errors.js'
import { type RpcDeps } from './deps.js'

const periodMsMax = 92 * 86_400_000

/** Sums up the intents created in a period. Fails with INVALID_FIELD. */
export async function getTotals(deps: RpcDeps, _call: Call, request: GetTotalsRequest): Promise<GetTotalsResponse> {
  const check = new FieldCheck(errorDomain)
  const startMs = timeMs(check, 'start_time', request.startTime)
  const endMs = timeMs(check, 'end_time', request.endTime)
  const isPeriod = startMs < endMs && endMs - startMs <= periodMsMax
  if (check.ok) check.that(isPeriod, 'end_time', 'must be after start_time, by at most 92 days')
  check.done()
  const totals = await deps.reads((pool) => totalsOfPeriod(pool, startMs, endMs))
  return {
    totals: totals.map((total) => ({
      day: total.day,
      assetCode: total.assetCode,
      operationType: total.operationType,
      state: StateMessage[total.state],
      intentCount: total.count,
      amountMinorUnits: total.amountMinor,
      feeMinorUnits: total.feeMinor,
    })),
  }
}

// What a UUIDv7 can tell and a Date can be.
const secondsMax = 253_402_300_799n

/** Milliseconds since 1970, rounded up; noted in `check` when it is no time. */
function timeMs(check: FieldCheck, field: string, time: Timestamp | undefined): number {
  const { seconds, nanos } = time ?? { seconds: -1n, nanos: 0 }
  const isTime = seconds >= 0n && seconds <= secondsMax && nanos >= 0 && nanos < 1_000_000_000
  check.that(isTime, field, 'must be a time between 1970 and 9999')
  return isTime ? Math.ceil(Number(seconds) * 1000 + nanos / 1_000_000) : 0
}
