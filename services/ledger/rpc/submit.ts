import { status } from '@grpc/grpc-js'
import {
  type SubmitBatch,
  type SubmitFailure,
  type SubmitRequest,
  type SubmitResponse,
  type SubmitResult,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { type Engine } from '../engine.js'
import { DOMAIN, engineError, ledgerError } from '../errors.js'
import { eventResults, transferEvent } from '../wire.js'
import { checkEvents } from './batch-check.js'

const BATCHES_MAX = 1024
const TRANSFERS_MAX = 8192

// How many transfers of one stream may be under way before it is read on; a batch is under way until its answer is on
// its way to the client, so a client that does not read is not read from. Half of what the queue holds: a single stream
// is slowed down by flow control and is never refused.
const IN_FLIGHT_MAX = 8192

// A client needs one stream, and a mesh has fewer replicas in front of the Ledger. Measured: with as many streams as this,
// all sending the largest messages as fast as they can, the process stays below a gigabyte.
const STREAMS_MAX = 32

// One caller that opens streams without end must leave room for the others.
const STREAMS_OF_CALLER_MAX = 16

/** The streams that a process serves at a time. */
export class OpenStreams {
  readonly #ofCaller = new Map<string, number>()
  #count = 0

  /** Throws OVERLOADED when there are too many. */
  add(caller: string): void {
    const ofCaller = this.#ofCaller.get(caller) ?? 0
    const most = ofCaller >= STREAMS_OF_CALLER_MAX ? STREAMS_OF_CALLER_MAX : STREAMS_MAX
    if (this.#count >= STREAMS_MAX || ofCaller >= STREAMS_OF_CALLER_MAX) {
      throw ledgerError('OVERLOADED', `${most} streams are open here, and no more may be; one a client will do.`)
    }
    this.#count += 1
    this.#ofCaller.set(caller, ofCaller + 1)
  }

  remove(caller: string): void {
    this.#count -= 1
    const left = (this.#ofCaller.get(caller) ?? 1) - 1
    if (left > 0) this.#ofCaller.set(caller, left)
    else this.#ofCaller.delete(caller)
  }
}

/**
 * TransferService.Submit. Batches are decided as CreateTransfers decides a call; the answers that are ready together
 * leave in one message.
 */
export async function* submit(
  deps: { readonly engine: Engine; readonly streams: OpenStreams },
  call: Call,
  requests: AsyncIterable<SubmitRequest>,
): AsyncIterable<SubmitResponse> {
  const caller = callerName(call.caller)
  deps.streams.add(caller)
  const stream = new SubmitStream(deps.engine, call)
  try {
    void stream.read(requests)
    yield* stream.responses()
  } finally {
    deps.streams.remove(caller)
  }
}

/** One stream: what of it is under way, and the answers that wait to be sent. */
class SubmitStream {
  readonly #engine: Engine
  readonly #call: Call
  /** By correlation id, with how many transfers each counts. */
  readonly #underWay = new Map<bigint, number>()
  #transfersUnderWay = 0
  #results: SubmitResult[] = []
  #end: { readonly error?: Error } | undefined
  #wake: () => void = () => undefined
  #waking = false
  #room: () => void = () => undefined

  constructor(engine: Engine, call: Call) {
    this.#engine = engine
    this.#call = call
  }

  /** Takes requests in until they end. Never rejects: an error ends the responses. */
  async read(requests: AsyncIterable<SubmitRequest>): Promise<void> {
    try {
      for await (const { batches } of requests) {
        this.#check(batches)
        for (const batch of batches) void this.#decide(batch)
        while (this.#transfersUnderWay > IN_FLIGHT_MAX) await new Promise<void>((resolve) => (this.#room = resolve))
      }
      this.#end = {}
    } catch (error) {
      this.#end = { error: error instanceof Error ? error : new Error('The stream broke.', { cause: error }) }
    }
    this.#wakeSoon()
  }

  async *responses(): AsyncIterable<SubmitResponse> {
    for (;;) {
      if (this.#results.length > 0) {
        yield { results: this.#handOut() }
      } else if (this.#end?.error !== undefined) {
        throw this.#end.error
      } else if (this.#end !== undefined && this.#underWay.size === 0) {
        return
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    }
  }

  #handOut(): SubmitResult[] {
    const results = this.#results
    this.#results = []
    for (const { correlationId } of results) {
      this.#transfersUnderWay -= this.#underWay.get(correlationId) ?? 0
      this.#underWay.delete(correlationId)
    }
    if (this.#transfersUnderWay <= IN_FLIGHT_MAX) this.#room()
    return results
  }

  #check(batches: readonly SubmitBatch[]): void {
    const check = new FieldCheck(DOMAIN)
    const transfers = batches.reduce((sum, batch) => sum + batch.transfers.length, 0)
    check.that(batches.length > 0 && batches.length <= BATCHES_MAX, 'batches', `must be 1 to ${BATCHES_MAX}`)
    check.that(transfers <= TRANSFERS_MAX, 'batches', `must hold at most ${TRANSFERS_MAX} transfers together`)
    const ids = new Set(batches.map(({ correlationId }) => correlationId))
    const unused = ids.size === batches.length && !batches.some((batch) => this.#underWay.has(batch.correlationId))
    check.that(unused, 'batches.correlation_id', 'must not be that of a batch under way')
    check.done()
  }

  async #decide({ correlationId, transfers }: SubmitBatch): Promise<void> {
    // An empty batch is answered too, and takes room.
    const weight = Math.max(1, transfers.length)
    this.#underWay.set(correlationId, weight)
    this.#transfersUnderWay += weight
    const result = await this.#resultOf(correlationId, transfers)
    this.#results.push(result)
    this.#wakeSoon()
  }

  async #resultOf(correlationId: bigint, transfers: SubmitBatch['transfers']): Promise<SubmitResult> {
    try {
      checkEvents('transfers', transfers)
      const options = { signal: this.#call.signal }
      const { results } = await this.#engine.createTransfers(transfers.map(transferEvent), options)
      return { correlationId, results: eventResults(results), failure: undefined }
    } catch (error) {
      return { correlationId, results: [], failure: this.#failure(engineError(error)) }
    }
  }

  #failure(error: unknown): SubmitFailure {
    if (error instanceof RpcError) return { code: error.code, reason: error.reason, message: error.message }
    this.#call.log.error({ err: error }, 'a batch could not be decided')
    return { code: status.INTERNAL, reason: '', message: 'Internal error.' }
  }

  // The engine answers a whole batch of its own in one turn of the event loop; all of it leaves together.
  #wakeSoon(): void {
    if (this.#waking) return
    this.#waking = true
    setImmediate(() => {
      this.#waking = false
      this.#wake()
    })
  }
}
