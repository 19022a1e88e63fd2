import type { handleBidiStreamingCall } from '@grpc/grpc-js'
import type { BidiStream } from './call.js'
import { MessageReader } from './message-reader.js'
import { ServerCall } from './server-call.js'
import type { ServerMethod } from './server-method.js'
import { answerStream } from './stream-writer.js'

/**
 * Makes a handler that answers a stream with a stream safe to give to grpc-js. Its requests throw when the call is
 * interrupted, so a client that vanished is not taken for one that finished. At a drain they end as if the client had
 * said so: what was read is still answered, what was not is for the client to send elsewhere.
 */
export function adaptBidiStream(
  method: ServerMethod,
  handler: BidiStream<unknown, unknown>,
): handleBidiStreamingCall<unknown, unknown> {
  return (stream) => {
    const call = new ServerCall(method, stream)
    const reader = new MessageReader<unknown>(stream, () => call.interruption)
    const close = method.calls.addStream(() => {
      reader.stop()
    })
    void answerStream(call, stream, () => handler(call, reader)).finally(close)
  }
}
