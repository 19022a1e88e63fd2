// The step function: takes an intent from where it rests to where it goes next. Requests, duplicates and the resumer
// all run this one function, at the same time if it so happens: the Ledger applies a chain once, and the conditional
// update lets one outcome in.
import { channelOf } from './channels/registry.js'
import { type ChainPlan } from './chain.js'
import { type ChainOutcome } from './chain-runner.js'
import { type ReachCrashPoint } from './crash-points.js'
import { type Intent, rejected, settled } from './intent.js'
import { type IntentStore } from './intent-store.js'

export interface AdvanceDeps {
  readonly store: Pick<IntentStore, 'update' | 'byId'>
  readonly runChain: (intent: Intent, plan: ChainPlan) => Promise<ChainOutcome>
  readonly nowMs: () => number
  readonly crashPoint: ReachCrashPoint
  /** Told after an outcome, and so its event, is committed. */
  readonly nudgeOutbox: () => void
}

export type Advanced =
  /** The intent as it is stored, in a final state. */
  | { readonly kind: 'final'; readonly intent: Intent }
  /** What the Ledger did is not known, or it cannot be asked. The intent stays; advancing it again settles it. */
  | { readonly kind: 'waiting'; readonly intent: Intent; readonly cause: string }

export type Advance = (intent: Intent) => Promise<Advanced>

/** The step function. Whoever asks for an intent that this process is already advancing gets the same answer. */
export function createAdvance(deps: AdvanceDeps): Advance {
  const underWay = new Map<string, Promise<Advanced>>()
  return (intent) => {
    const running = underWay.get(intent.id)
    if (running !== undefined) return running
    const started = step(deps, intent).finally(() => underWay.delete(intent.id))
    underWay.set(intent.id, started)
    return started
  }
}

async function step(deps: AdvanceDeps, intent: Intent): Promise<Advanced> {
  switch (intent.status.state) {
    case 'VALIDATED':
      return await settle(deps, intent)
    case 'SETTLED':
    case 'REJECTED':
      return { kind: 'final', intent }
    case 'CREATED':
    case 'AUTHORIZED':
      throw new Error(`intent ${intent.id} rests in ${intent.status.state}, where no instant channel leaves one`)
  }
}

/** VALIDATED: move the money, write what became of it. */
async function settle(deps: AdvanceDeps, intent: Intent): Promise<Advanced> {
  const channel = channelOf(intent)
  if (channel === undefined) return { kind: 'waiting', intent, cause: 'this process does not have its channel' }
  deps.crashPoint('before-ledger')
  const outcome = await deps.runChain(intent, channel.legs(intent))
  deps.crashPoint('after-ledger')
  switch (outcome.kind) {
    case 'applied':
      return await write(deps, settled(intent, deps.nowMs()))
    case 'refused':
      return await write(deps, rejected(intent, outcome.failure, deps.nowMs()))
    case 'undecided':
      return { kind: 'waiting', intent, cause: outcome.cause }
  }
}

async function write(deps: AdvanceDeps, next: Intent): Promise<Advanced> {
  const written = await deps.store.update(next)
  deps.crashPoint('after-update')
  if (written) {
    deps.nudgeOutbox()
    return { kind: 'final', intent: next }
  }
  const winner = await deps.store.byId(next.id)
  if (winner === undefined) throw new Error(`intent ${next.id} is gone`)
  return await step(deps, winner)
}
