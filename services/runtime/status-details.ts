import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/google/rpc/error_details.js'
import { Status } from '../../gen/google/rpc/status.js'
import type { Any } from '../../gen/google/protobuf/any.js'
import type { FieldViolation, RpcErrorInit } from './rpc-error.js'

/** The trailer that carries a google.rpc.Status. */
export const statusDetailsHeader = 'grpc-status-details-bin'

// Trailers share one HTTP/2 header list, which proxies and grpc-js bound at 8 KiB and up. The details travel in base64
// (4/3) and the message escaped (up to 9 characters each), so these stay below that together.
const detailsBytesMax = 3500
export const messageLengthMax = 300
// One long text must not crowd out the others.
const textLengthMax = 120

const typePrefix = 'type.googleapis.com/google.rpc.'

type Details = Pick<RpcErrorInit, 'reason' | 'domain' | 'metadata' | 'fieldViolations' | 'retryAfterMs'>

/**
 * Encodes exactly one ErrorInfo and, where there is something to say, one BadRequest and one RetryInfo. An error always
 * arrives, if need be with fewer field violations or without metadata.
 */
export function encodeStatusDetails(error: RpcErrorInit): Buffer {
  const violations = error.fieldViolations ?? []
  for (let count = violations.length; ; count = Math.floor(count / 2)) {
    const bytes = encode(error, violations.slice(0, count))
    if (bytes.length <= detailsBytesMax) return bytes
    if (count === 0) return encode({ ...error, metadata: {} }, [])
  }
}

function encode(error: RpcErrorInit, violations: readonly FieldViolation[]): Buffer {
  const details = [any('ErrorInfo', ErrorInfo.encode(errorInfo(error)).finish())]
  if (violations.length > 0) details.push(any('BadRequest', BadRequest.encode(badRequest(violations)).finish()))
  if (error.retryAfterMs !== undefined) {
    details.push(any('RetryInfo', RetryInfo.encode(retryInfo(error.retryAfterMs)).finish()))
  }
  const message = error.message.slice(0, messageLengthMax)
  return Buffer.from(Status.encode({ code: error.code, message, details }).finish())
}

function any(type: string, value: Uint8Array): Any {
  return { typeUrl: typePrefix + type, value: Buffer.from(value) }
}

function errorInfo({ reason, domain, metadata }: Details): ErrorInfo {
  const entries = Object.entries(metadata ?? {}).map(([key, value]) => [key, value.slice(0, textLengthMax)])
  return { reason, domain, metadata: Object.fromEntries(entries) as Record<string, string> }
}

function badRequest(violations: readonly FieldViolation[]): BadRequest {
  const fieldViolations = violations.map(({ field, description }) => ({
    field: field.slice(0, textLengthMax),
    description: description.slice(0, textLengthMax),
  }))
  return BadRequest.fromPartial({ fieldViolations })
}

function retryInfo(retryAfterMs: number): RetryInfo {
  const ms = Math.max(0, Math.ceil(retryAfterMs))
  return { retryDelay: { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 } }
}

/** What `encodeStatusDetails` encoded; undefined when the bytes are no Status or hold no ErrorInfo. */
export function decodeStatusDetails(bytes: Uint8Array): Details | undefined {
  try {
    return detailsOf(Status.decode(bytes))
  } catch {
    // The bytes come from outside. An answer whose details cannot be read is still an answer.
    return undefined
  }
}

function detailsOf({ details }: Status): Details | undefined {
  const find = (type: string) => details.find(({ typeUrl }) => typeUrl === typePrefix + type)?.value
  const infoBytes = find('ErrorInfo')
  if (infoBytes === undefined) return undefined
  const badRequestBytes = find('BadRequest')
  const retryBytes = find('RetryInfo')
  const info = ErrorInfo.decode(infoBytes)
  const delay = retryBytes && RetryInfo.decode(retryBytes).retryDelay
  return {
    reason: info.reason,
    domain: info.domain,
    metadata: info.metadata,
    fieldViolations: badRequestBytes ? BadRequest.decode(badRequestBytes).fieldViolations : [],
    ...(delay && { retryAfterMs: Number(delay.seconds) * 1000 + Math.ceil(delay.nanos / 1_000_000) }),
  }
}
