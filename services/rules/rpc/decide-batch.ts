import type {
  DecideBatchRequest,
  DecideBatchResponse,
  DecideRequest,
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
  return { results }
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
