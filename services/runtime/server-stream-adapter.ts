import type { handleServerStreamingCall } from '@grpc/grpc-js'
import type { ServerStream } from './call.js'
import { ServerCall } from './server-call.js'
import type { ServerMethod } from './server-method.js'
import { answerStream } from './stream-writer.js'
import { draining } from './errors.js'

/** Makes a handler that answers with an async iterable safe to give to grpc-js. A drain ends its streams. */
export function adaptServerStream(
  method: ServerMethod,
  handler: ServerStream<unknown, unknown>,
): handleServerStreamingCall<unknown, unknown> {
  return (stream) => {
    const call = new ServerCall(method, stream)
    const close = method.calls.addStream(() => {
      call.interrupt(draining())
    })
    void answerStream(call, stream, () => handler(call, stream.request)).finally(close)
  }
}
