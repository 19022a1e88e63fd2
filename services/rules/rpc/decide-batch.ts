import {
  type DecideBatchRequest,
  type DecideBatchResponse,
  type DecideRequest,
  DecideResult,
} from '../../../gen/paymesh/rules/v1/decision_service.js'
import type { Call } from '../../runtime/call.js'
import { answerFor } from '../../runtime/errors.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { errorDomain } from '../errors.js'
import { type DecideDeps, answerTo } from './decide.js'

/** Facts have at most 20 KiB, so that a full batch stays under the 4 MiB that a message may have. */
const requestsMax = 128

// A message may have 4 MiB: this is what answers may have of them, with room for what frames them.
const answersBytesMax = 3 * 1024 * 1024
// Names in rule sets and scope keys are short, so an answer of this few fees, limits and reasons has no more bytes. It is
// counted so without being measured: 128 of them fit, and measuring costs as much as sending.
const smallAnswer = { partsMax: 20, bytesMax: 12 * 1024 }

/** Fails with INVALID_FIELD for the batch as a whole; what one request fails with is its own result. */
export async function decideBatch(
  deps: DecideDeps,
  call: Call,
  { requests }: DecideBatchRequest,
): Promise<DecideBatchResponse> {
  const check = new FieldCheck(errorDomain)
  check.that(requests.length >= 1 && requests.length <= requestsMax, 'requests', `must be 1 to ${requestsMax}`)
  check.done()
  // A version that comes into force while an older one is read for some of them is for none of them.
  const published = { newest: deps.published.newest, find: (version: bigint) => deps.published.find(version) }
  const results = await Promise.all(requests.map((request) => resultOf({ ...deps, published }, call, request)))
  return { results: fitting(results) }
}

/** The results as far as they fit into a message; of a rule set that applies hundreds of fees and limits at once not all do. */
function fitting(results: readonly DecideResult[]): DecideResult[] {
  let leftBytes = answersBytesMax
  return results.map((result, index) => {
    leftBytes -= bytesOf(result)
    // A caller that asks again for what is left always gets on.
    return leftBytes >= 0 || index === 0 ? result : { result: { $case: 'deferred', deferred: true } }
  })
}

function bytesOf(answer: DecideResult): number {
  const { result } = answer
  if (result?.$case !== 'decision') return smallAnswer.bytesMax
  const { fees, limitLegs, risk } = result.decision
  const parts = fees.length + limitLegs.length + (risk?.reasons.length ?? 0)
  return parts <= smallAnswer.partsMax ? smallAnswer.bytesMax : DecideResult.encode(answer).finish().length
}

async function resultOf(deps: DecideDeps, call: Call, request: DecideRequest): Promise<DecideResult> {
  try {
    return { result: await answerTo(deps, call, request) }
  } catch (error) {
    const { reason, message, metadata } = answerFor(error)
    if (!(error instanceof RpcError)) call.log.error({ err: error }, 'a payment of a batch could not be decided')
    return { result: { $case: 'failure', failure: { reason, message, metadata: { ...metadata } } } }
  }
}
