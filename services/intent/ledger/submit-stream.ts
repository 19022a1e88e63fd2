// The one stream to the Ledger that carries every chain of this process.
//
// Chains asked for in the same turn travel in one message: a message costs about as much as the ledger write itself.
// When the stream breaks, or an answer is overdue, every chain under way has an unknown outcome and the next one opens a
// new stream. Nobody is kept waiting for the Ledger to come back: a payment that cannot be decided now is the resumer's.
import {
  type SubmitBatch,
  type SubmitRequest,
  type SubmitResponse,
  type SubmitResult,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Transfer } from '../../../gen/paymesh/ledger/v1/transfer.js'
import { type BidiCall } from '../../runtime/client.js'
import { Coalescer } from '../../runtime/coalesce.js'
import { isTransferStatus, type TransferStatus } from './transfer-status.js'

/** What became of a batch: one status a transfer, or nothing that could be known. */
export type SubmitOutcome =
  | { readonly kind: 'decided'; readonly statuses: readonly TransferStatus[] }
  | { readonly kind: 'unknown'; readonly cause: string }

export interface SubmitStreamDeps {
  readonly open: () => BidiCall<SubmitRequest, SubmitResponse>
  readonly nowMs: () => number
  /** 0 up to 1. */
  readonly random: () => number
  /** Told of each break. */
  readonly onBreak: (cause: string) => void
}

// A message may hold 8192 transfers and a batch 253: 32 of the largest batches always fit. Sixteen messages under way
// are more than the Ledger works on at once; beyond that, waiting here makes messages larger.
const messageLimits = { itemsMax: 32, inFlightMax: 16 }
// The Ledger answers in milliseconds; a batch that took this long is lost.
const answerTimeoutMs = 5_000
// The Ledger closes old connections, so that new certificates come into use, and gives the streams on them a minute to
// end. A stream that is replaced twice a minute never learns of it.
const streamAgeMsMax = 30_000
const backOffMs = { first: 50, most: 2_000 }

export class SubmitStream {
  readonly #deps: SubmitStreamDeps
  readonly #messages: Coalescer<Transfer[], SubmitOutcome>
  #current: OpenStream | undefined
  #failures = 0
  #openAfterMs = 0
  #closed = false

  constructor(deps: SubmitStreamDeps, queueMax: number) {
    this.#deps = deps
    this.#messages = new Coalescer({ flush: (batches) => this.#send(batches), queueMax, ...messageLimits })
  }

  /** Decides transfers together, at most 253. Rejects with OverloadedError when too many batches wait; nothing was sent. */
  submit(transfers: Transfer[]): Promise<SubmitOutcome> {
    return this.#messages.add(transfers)
  }

  /** Ends the stream. What is sent later is answered as unknown. */
  close(): void {
    this.#closed = true
    this.#current?.end()
  }

  #send(batches: Transfer[][]): Promise<SubmitOutcome[]> {
    const stream = this.#stream()
    if (stream !== undefined) return stream.send(batches)
    return Promise.resolve(batches.map(() => ({ kind: 'unknown', cause: 'the Ledger cannot be reached' })))
  }

  /** The stream to use now; undefined while backing off. */
  #stream(): OpenStream | undefined {
    const nowMs = this.#deps.nowMs()
    if (this.#current !== undefined && nowMs - this.#current.openedMs < streamAgeMsMax) return this.#current
    this.#current?.end()
    if (this.#closed || nowMs < this.#openAfterMs) return (this.#current = undefined)
    const stream: OpenStream = new OpenStream(this.#deps.open(), nowMs, {
      onAnswer: () => (this.#failures = 0),
      onBreak: (cause) => {
        this.#backOff(stream, cause)
      },
    })
    return (this.#current = stream)
  }

  #backOff(stream: OpenStream, cause: string): void {
    if (this.#current === stream) this.#current = undefined
    const doubled = backOffMs.first * 2 ** Math.min(this.#failures, 10)
    this.#failures += 1
    this.#openAfterMs = this.#deps.nowMs() + Math.min(backOffMs.most, doubled) * (0.5 + this.#deps.random() / 2)
    this.#deps.onBreak(cause)
  }
}

interface StreamEvents {
  readonly onAnswer: () => void
  /** Told once, unless the stream ended after it was told to and owed no answer. */
  readonly onBreak: (cause: string) => void
}

/** One stream from open to end. */
class OpenStream {
  readonly openedMs: number
  readonly #call: BidiCall<SubmitRequest, SubmitResponse>
  readonly #events: StreamEvents
  /** Who waits for which answer, by correlation id. */
  readonly #waiting = new Map<bigint, (outcome: SubmitOutcome) => void>()
  #correlationId = 0n
  #state: 'open' | 'ending' | 'broken' = 'open'

  constructor(call: BidiCall<SubmitRequest, SubmitResponse>, openedMs: number, events: StreamEvents) {
    this.#call = call
    this.openedMs = openedMs
    this.#events = events
    void this.#read()
  }

  async send(batches: Transfer[][]): Promise<SubmitOutcome[]> {
    const sent = batches.map((transfers) => this.#expect(transfers))
    const timer = setTimeout(() => {
      this.#break('an answer is overdue')
    }, answerTimeoutMs)
    // What `write` says of a full buffer is not needed: messages under way are bounded by the coalescer.
    this.#call.write({ batches: sent.map(({ batch }) => batch) })
    const outcomes = await Promise.all(sent.map(({ outcome }) => outcome))
    clearTimeout(timer)
    return outcomes
  }

  /** Sends no more; what was sent is still answered. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#call.end()
  }

  #expect(transfers: Transfer[]): { batch: SubmitBatch; outcome: Promise<SubmitOutcome> } {
    const correlationId = (this.#correlationId += 1n)
    const outcome = new Promise<SubmitOutcome>((resolve) => this.#waiting.set(correlationId, resolve))
    return { batch: { correlationId, transfers }, outcome }
  }

  async #read(): Promise<void> {
    try {
      for await (const response of this.#call.responses) {
        this.#events.onAnswer()
        for (const result of response.results) this.#answer(result)
      }
      this.#break('the Ledger ended the stream')
    } catch (error) {
      this.#break(error instanceof Error ? error.message : String(error))
    }
  }

  #answer(result: SubmitResult): void {
    const resolve = this.#waiting.get(result.correlationId)
    this.#waiting.delete(result.correlationId)
    resolve?.(outcomeOf(result))
  }

  #break(cause: string): void {
    if (this.#state === 'broken') return
    const asTold = this.#state === 'ending' && this.#waiting.size === 0
    this.#state = 'broken'
    this.#call.cancel()
    for (const resolve of this.#waiting.values()) resolve({ kind: 'unknown', cause })
    this.#waiting.clear()
    if (!asTold) this.#events.onBreak(cause)
  }
}

function outcomeOf(result: SubmitResult): SubmitOutcome {
  if (result.failure !== undefined) {
    return { kind: 'unknown', cause: `${result.failure.reason}: ${result.failure.message}` }
  }
  const statuses = result.results.map(({ status }) => status)
  const strange = statuses.find((status) => !isTransferStatus(status))
  if (strange !== undefined) return { kind: 'unknown', cause: `the Ledger answered with status ${strange}` }
  return { kind: 'decided', statuses: statuses.filter(isTransferStatus) }
}
