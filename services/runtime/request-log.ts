import { status } from '@grpc/grpc-js'
import type { LogLevel } from './logger.js'
import type { RpcError } from './rpc-error.js'
import type { ServerCall } from './server-call.js'

/** The level of a call's record: what works is for debugging, what a caller did wrong is news, what we did is an error. */
function levelOf(failure: RpcError | undefined): LogLevel & ('debug' | 'info' | 'warn' | 'error') {
  switch (failure?.code) {
    case undefined:
    case status.OK:
      return 'debug'
    case status.INTERNAL:
    case status.UNKNOWN:
    case status.DATA_LOSS:
      return 'error'
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
      return 'warn'
    default:
      return 'info'
  }
}

/**
 * Writes the one record of a call, and for audited methods one more that says `audit: true`. Requests and answers are
 * never part of it. The common case, a call that worked at level info, costs one comparison.
 */
export function logCall(call: ServerCall, failure: RpcError | undefined, durationMs: number): void {
  const { log, auditLog, access } = call.method
  const level = levelOf(failure)
  if (!access.audited && !log.isLevelEnabled(level)) return
  const record = {
    method: call.method.name,
    caller: call.callerText,
    ...(call.actor !== undefined && { actor: call.actor }),
    code: status[failure?.code ?? status.OK],
    ...(failure && { reason: failure.reason }),
    durationMs: Math.round(durationMs * 100) / 100,
    ...(call.requestId !== '' && { requestId: call.requestId }),
    traceId: call.trace.traceId,
  }
  const err = failure?.cause
  log[level](err === undefined ? record : { ...record, err }, 'call')
  if (access.audited) auditLog.info(record, 'audit')
}
