// One watcher of an intent: what it was told, and when.
import {
  ClosingReason,
  type IntentServiceClient,
  type WatchIntentResponse,
} from '../gen/paymesh/intent/v1/intent_service.js'
import { IntentState } from '../gen/paymesh/intent/v1/intent.js'
import { type Person } from './bench-mesh.js'

export interface Watch {
  /** The intent's name. */
  readonly name: string
  /** Resolves with the first message, which shows the intent as it is. */
  readonly opened: Promise<void>
  /** Resolves when the stream has ended well; rejects when it failed. */
  readonly ended: Promise<void>
  /** Each state that was shown, in order. */
  readonly states: readonly IntentState[]
  /** Why the server closed the watch; undefined until it did. */
  readonly closing: () => ClosingReason | undefined
  /** When the last state arrived, by `performance.now()`. */
  readonly shownMs: () => number
}

/** Watches an intent as one who pays it. */
export function watch(intents: IntentServiceClient, person: Person, name: string): Watch {
  const states: IntentState[] = []
  let closing: ClosingReason | undefined
  let shownMs = 0
  const stream = intents.watchIntent({ name }, person.metadata)
  const ended = new Promise<void>((resolve, reject) => stream.on('end', resolve).on('error', reject))
  const opened = new Promise<void>((resolve, reject) => {
    stream.on('error', reject)
    stream.on('data', ({ event }: WatchIntentResponse) => {
      if (event?.$case === 'closing') closing = event.closing.reason
      if (event?.$case !== 'intent') return
      shownMs = performance.now()
      states.push(event.intent.state)
      resolve()
    })
  })
  // Both are waited for later, and one of them failing must not end the process before.
  for (const promise of [opened, ended]) promise.catch(() => undefined)
  return { name, opened, ended, states, closing: () => closing, shownMs: () => shownMs }
}

/** Throws unless the watcher was shown the hold and the outcome once each, and then that this is final. */
export function checkTold({ name, states, closing }: Watch, outcome: IntentState): void {
  const told = states.map(nameOf).join(', ')
  if (states.length !== 2 || states[0] !== IntentState.AUTHORIZED || states[1] !== outcome)
    throw new Error(`a watcher of ${name} was told ${told}`)
  if (closing() !== ClosingReason.FINAL_STATE) throw new Error(`a watch of ${name} closed with ${closing()}`)
}

function nameOf(state: IntentState): string {
  return Object.entries(IntentState).find(([, value]) => value === state)?.[0] ?? String(state)
}
