import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/google/rpc/error_details.js'
import { Status } from '../../gen/google/rpc/status.js'
import type { Any } from '../../gen/google/protobuf/any.js'
import type { FieldViolation, RpcErrorInit } from './rpc-error.js'

/** The trailer that carries a google.rpc.Status. */
export const statusDetailsHeader = 'grpc-status-details-bin'

// Trailers share one HTTP/2 header list, which proxies and grpc-js bound at 8 KiB and up, in base64. Texts are cut and
// lists shortened so that an error always arrives, if need be without its last field violations.
const violationsMax = 16
const descriptionLengthMax = 120
const metadataEntriesMax = 16
const metadataLengthMax = 120
export const messageLengthMax = 500

const typePrefix = 'type.googleapis.com/google.rpc.'

type Details = Pick<RpcErrorInit, 'reason' | 'domain' | 'metadata' | 'fieldViolations' | 'retryAfterMs'>

/** Encodes exactly one ErrorInfo and, where there is something to say, one BadRequest and one RetryInfo. */
export function encodeStatusDetails(error: RpcErrorInit): Buffer {
  const details = [any('ErrorInfo', ErrorInfo.encode(errorInfo(error)).finish())]
  const violations = error.fieldViolations ?? []
  if (violations.length > 0) {
    details.push(any('BadRequest', BadRequest.encode(badRequest(violations)).finish()))
  }
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
  const entries = Object.entries(metadata ?? {}).slice(0, metadataEntriesMax)
  return {
    reason,
    domain,
    metadata: Object.fromEntries(entries.map(([key, value]) => [key, value.slice(0, metadataLengthMax)])),
  }
}

function badRequest(violations: readonly FieldViolation[]): BadRequest {
  return BadRequest.fromPartial({
    fieldViolations: violations.slice(0, violationsMax).map(({ field, description }) => ({
      field: field.slice(0, descriptionLengthMax),
      description: description.slice(0, descriptionLengthMax),
    })),
  })
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
