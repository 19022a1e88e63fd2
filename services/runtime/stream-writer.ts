import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js'
import { answerFor } from './errors.js'
import type { ServerCall } from './server-call.js'
import { statusObject } from './status-object.js'

type ResponseStream = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>

/**
 * Answers a call with what `open` iterates, no faster than the client reads. When the call is interrupted the
 * iterator's `return` is called, so a generator's `finally` runs.
 */
export async function answerStream(
  call: ServerCall,
  stream: ResponseStream,
  open: () => AsyncIterable<unknown>,
): Promise<void> {
  let iterator: AsyncIterator<unknown> | undefined
  let wake = () => {}
  stream.on('drain', () => {
    wake()
  })
  call.onInterrupt((failure) => {
    fail(stream, statusObject(failure))
    wake()
    stopIterator(call, iterator)
  })
  try {
    call.admit()
    iterator = open()[Symbol.asyncIterator]()
    for (;;) {
      const next = await iterator.next()
      if (call.ended) return
      if (next.done === true) break
      call.flushHeaders()
      if (stream.write(next.value)) continue
      await new Promise<void>((resolve) => (wake = resolve))
    }
    call.flushHeaders()
    if (call.end()) stream.end()
  } catch (error) {
    const failure = answerFor(error)
    if (call.end(failure)) fail(stream, statusObject(failure))
  }
}

// grpc-js takes an error event as: send what is queued, then this status.
function fail(stream: ResponseStream, failure: object): void {
  stream.emit('error', failure)
}

// The handler may be in the middle of something; a generator runs its `finally` when that settles.
function stopIterator(call: ServerCall, iterator: AsyncIterator<unknown> | undefined): void {
  iterator?.return?.().then(undefined, (error: unknown) => {
    call.log.warn({ err: error }, 'a stream failed after it was interrupted')
  })
}
