// One long-lived stream to the Ledger that carries every chain of this process.
//
// Chains asked for in the same turn travel in one message: a message costs about as much as the ledger write itself.
// The stream breaks when its connection does, or when an answer is overdue; then every chain under way has an unknown
// outcome, and the next one opens a new stream. Nobody is kept waiting for the Ledger to come back: a payment that
// cannot be decided now is the resumer's.
import {
  SubmitBatch,
  SubmitRequest,
  type SubmitResponse,
  type SubmitResult,
} from '../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Transfer } from '../../gen/paymesh/ledger/v1/transfer.js'
import { type BidiCall } from '../runtime/client.js'
import { Coalescer } from '../runtime/coalesce.js'
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
const backOffMs = { first: 50, most: 2_000 }

type Call = BidiCall<SubmitRequest, SubmitResponse>

export class SubmitStream {
  readonly #deps: SubmitStreamDeps
  readonly #messages: Coalescer<Transfer[], SubmitOutcome>
  readonly #waiting = new Map<bigint, (outcome: SubmitOutcome) => void>()
  #call: Call | undefined
  #correlationId = 0n
  #failures = 0
  #openAfterMs = 0
  #closed = false

  constructor(deps: SubmitStreamDeps, queueMax: number) {
    this.#deps = deps
    this.#messages = new Coalescer({ flush: (batches) => this.#send(batches), queueMax, ...messageLimits })
  }

  /** Decides transfers together, 1 to 253. Rejects with OverloadedError when too many batches wait; nothing was sent. */
  submit(transfers: Transfer[]): Promise<SubmitOutcome> {
    return this.#messages.add(transfers)
  }

  /** Ends the stream. Batches under way become unknown. */
  close(): void {
    this.#closed = true
    this.#call?.end()
    this.#break(this.#call, 'closed')
  }

  async #send(batches: Transfer[][]): Promise<SubmitOutcome[]> {
    const call = this.#callOrUndefined()
    if (call === undefined) return batches.map(() => ({ kind: 'unknown', cause: 'the Ledger cannot be reached' }))
    const outcomes = batches.map((transfers) => {
      const correlationId = (this.#correlationId += 1n)
      const outcome = new Promise<SubmitOutcome>((resolve) => this.#waiting.set(correlationId, resolve))
      return { batch: SubmitBatch.fromPartial({ correlationId, transfers }), outcome }
    })
    const timer = setTimeout(() => {
      this.#break(call, 'an answer is overdue')
    }, answerTimeoutMs)
    // What `write` says of a full buffer is not needed: messages under way are bounded above.
    call.write({ batches: outcomes.map(({ batch }) => batch) })
    const results = await Promise.all(outcomes.map(({ outcome }) => outcome))
    clearTimeout(timer)
    return results
  }

  #callOrUndefined(): Call | undefined {
    if (this.#call !== undefined) return this.#call
    if (this.#closed || this.#deps.nowMs() < this.#openAfterMs) return undefined
    const call = this.#deps.open()
    this.#call = call
    void this.#read(call)
    return call
  }

  async #read(call: Call): Promise<void> {
    try {
      for await (const response of call.responses) {
        this.#failures = 0
        for (const result of response.results) this.#answer(result)
      }
      this.#break(call, 'the Ledger ended the stream')
    } catch (error) {
      this.#break(call, error instanceof Error ? error.message : String(error))
    }
  }

  #answer(result: SubmitResult): void {
    const resolve = this.#waiting.get(result.correlationId)
    this.#waiting.delete(result.correlationId)
    resolve?.(outcomeOf(result))
  }

  #break(call: Call | undefined, cause: string): void {
    if (call === undefined || call !== this.#call) return
    this.#call = undefined
    call.cancel()
    const doubled = backOffMs.first * 2 ** Math.min(this.#failures, 10)
    this.#failures += 1
    this.#openAfterMs = this.#deps.nowMs() + Math.min(backOffMs.most, doubled) * (0.5 + this.#deps.random() / 2)
    for (const resolve of this.#waiting.values()) resolve({ kind: 'unknown', cause })
    this.#waiting.clear()
    this.#deps.onBreak(cause)
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
