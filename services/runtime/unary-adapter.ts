import type { handleUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import type { Unary } from './call.js'
import { answerFor } from './errors.js'
import type { RpcError } from './rpc-error.js'
import { ServerCall } from './server-call.js'
import type { ServerMethod } from './server-method.js'
import { statusObject } from './status-object.js'

/** Makes a handler safe to give to grpc-js, which lets a rejection kill the process. */
export function adaptUnary(method: ServerMethod, handler: Unary<unknown, unknown>): handleUnaryCall<unknown, unknown> {
  return (grpcCall, respond) => {
    void answer(new ServerCall(method, grpcCall), handler, grpcCall.request, respond)
  }
}

async function answer(
  call: ServerCall,
  handler: Unary<unknown, unknown>,
  request: unknown,
  respond: sendUnaryData<unknown>,
): Promise<void> {
  call.onInterrupt((failure) => {
    respond(statusObject(failure))
  })
  try {
    call.admit()
    const response = await handle(call, handler, request)
    if (!call.end()) return
    call.flushHeaders()
    respond(null, response)
  } catch (error) {
    const failure = answerFor(error)
    if (call.end(failure)) respond(statusObject(failure))
  }
}

/** Runs the handler; for an audited method between the records of its beginning and of what became of it. */
async function handle(call: ServerCall, handler: Unary<unknown, unknown>, request: unknown): Promise<unknown> {
  const { audit, name, requestBytes } = call.method
  if (audit === undefined) return await handler(call, request)
  const noteOutcome = await audit.begin({ method: name, call, request, requestBytes: requestBytes(request) })
  let failure: RpcError | undefined
  try {
    // Whoever left meanwhile is not served; whoever leaves later does not undo what the handler does.
    if (call.interruption !== undefined) throw call.interruption
    return await handler(call, request)
  } catch (error) {
    failure = answerFor(error)
    throw error
  } finally {
    await noteOutcome(failure)
  }
}
