import { type Client, type Transfer } from 'tigerbeetle-node'
import { EVENTS_MAX } from '../engine.js'
import { TransferFlag } from '../state-machine/transfer.js'

// Calls that come in one turn of the event loop, as those of one message of Submit do, become one call of the client: a
// call of the client costs about 10 µs of processor, whatever it holds. Nothing waits for it, and nothing is decided
// otherwise: a call is merged only where its events would be decided the same within a longer one. That is not so where
// its last event leaves a chain open, which the next call's events would join, and where its events are imported, which
// all events of a call must be or none.

type Results = Awaited<ReturnType<Client['createTransfers']>>

/** A call that waits for the end of the turn. */
interface WaitingCall {
  readonly records: readonly Transfer[]
  readonly answeredLate: (answer: Results) => void
  readonly resolve: (answer: Results) => void
  readonly reject: (error: unknown) => void
}

/** Makes one call of the client. An answer that comes after it rejected is told to `answeredLate`. */
export type MakeCall = (records: Transfer[], answeredLate: (answer: Results) => void) => Promise<Results>

/** Merges calls that create transfers. */
export class MergedCalls {
  readonly #make: MakeCall
  #waiting: WaitingCall[] = []

  constructor(make: MakeCall) {
    this.#make = make
  }

  /** One result an event, or how the merged call failed. `answeredLate` is as for MakeCall. */
  add(records: Transfer[], answeredLate: (answer: Results) => void): Promise<Results> {
    if (!isMergeable(records)) {
      // What came before goes before: this call may post a hold that one of them makes.
      this.#flush()
      return this.#make(records, answeredLate)
    }
    return new Promise<Results>((resolve, reject) => {
      this.#waiting.push({ records, answeredLate, resolve, reject })
      if (this.#waiting.length === 1) {
        queueMicrotask(() => {
          this.#flush()
        })
      }
    })
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const calls of fitting(waiting)) void this.#send(calls)
  }

  async #send(calls: readonly WaitingCall[]): Promise<void> {
    try {
      const answer = await this.#make(
        calls.flatMap(({ records }) => records),
        (late) => {
          shareOut(late, calls, 'answeredLate')
        },
      )
      shareOut(answer, calls, 'resolve')
    } catch (error) {
      for (const { reject } of calls) reject(error)
    }
  }
}

/** Whether the events are decided the same with others before and after them in the call. */
function isMergeable(records: readonly Transfer[]): boolean {
  const last = records.at(-1)
  if (last === undefined || records.length >= EVENTS_MAX) return false
  return (last.flags & TransferFlag.LINKED) === 0 && records.every(({ flags }) => (flags & TransferFlag.IMPORTED) === 0)
}

/** The calls in their order, in parts that are not longer than a call may be. */
function fitting(waiting: readonly WaitingCall[]): WaitingCall[][] {
  const parts: WaitingCall[][] = []
  let events = EVENTS_MAX
  for (const call of waiting) {
    events += call.records.length
    if (events > EVENTS_MAX) {
      parts.push([])
      events = call.records.length
    }
    parts.at(-1)?.push(call)
  }
  return parts
}

function shareOut(answer: Results, calls: readonly WaitingCall[], to: 'resolve' | 'answeredLate'): void {
  const count = calls.reduce((sum, { records }) => sum + records.length, 0)
  if (answer.length !== count) throw new Error(`TigerBeetle answered ${count} events with ${answer.length} results.`)
  let start = 0
  for (const call of calls) {
    call[to](answer.slice(start, start + call.records.length))
    start += call.records.length
  }
}
