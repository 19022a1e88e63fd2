import { status, type ServiceError } from '@grpc/grpc-js'
import { decodeStatusDetails, statusDetailsHeader } from './status-details.js'

/** One thing wrong with a request. `field` is a proto path such as "intent.amount.minor_units". */
export interface FieldViolation {
  field: string
  description: string
}

/** What makes an RpcError; see there. */
export interface RpcErrorInit {
  code: status
  reason: string
  domain: string
  message: string
  metadata?: Readonly<Record<string, string>>
  fieldViolations?: readonly FieldViolation[]
  retryAfterMs?: number | undefined
  cause?: unknown
}

/**
 * A failure as the caller of an RPC sees it (AIP-193). Everything but `cause` crosses the wire: `reason` and `domain`
 * are for programs, `message` for people. Only `rpc/` and `errors.ts` of a service make one; whatever else escapes a
 * handler is answered as INTERNAL with a fixed text.
 */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: status
  readonly reason: string
  readonly domain: string
  readonly metadata: Readonly<Record<string, string>>
  readonly fieldViolations: readonly FieldViolation[]
  /** When the caller may try again, from now; undefined when waiting does not help. */
  readonly retryAfterMs: number | undefined
  /** True when a client received it from another process: what it says is that service's answer, not yet ours. */
  readonly remote: boolean

  constructor(init: RpcErrorInit, remote = false) {
    super(init.message, { cause: init.cause })
    this.code = init.code
    this.reason = init.reason
    this.domain = init.domain
    this.metadata = init.metadata ?? {}
    this.fieldViolations = init.fieldViolations ?? []
    this.retryAfterMs = init.retryAfterMs
    this.remote = remote
  }
}

/**
 * What a client call failed with, as an RpcError. `reason` and `domain` are empty when the other side sent no
 * ErrorInfo (a connection that failed, a proxy's answer); an error that is no gRPC status becomes UNKNOWN.
 */
export function rpcErrorFrom(error: unknown): RpcError {
  if (error instanceof RpcError) return error
  if (!isServiceError(error)) {
    return new RpcError({ code: status.UNKNOWN, reason: '', domain: '', message: 'Unknown error.', cause: error }, true)
  }
  const [details] = error.metadata.get(statusDetailsHeader)
  const decoded = details instanceof Buffer ? decodeStatusDetails(details) : undefined
  return new RpcError(
    { reason: '', domain: '', ...decoded, code: error.code, message: error.details, cause: error },
    true,
  )
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'metadata' in error
}
