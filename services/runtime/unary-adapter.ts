import type { handleUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import type { Unary } from './call.js'
import { answerFor } from './errors.js'
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
    const response = await handler(call, request)
    if (!call.end()) return
    call.flushHeaders()
    respond(null, response)
  } catch (error) {
    const failure = answerFor(error)
    if (call.end(failure)) respond(statusObject(failure))
  }
}
