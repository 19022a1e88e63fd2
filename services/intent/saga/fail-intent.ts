// Ends an intent because an operator says so, as far as the Ledger still lets it.
import { type Advance, type Advanced } from './advance.js'
import { type ReachCrashPoint } from '../crash-points.js'
import { type HoldStore } from '../intents/hold-store.js'
import { type Failure, type Intent, rejected } from '../intents/intent.js'
import { type IntentStore } from '../intents/intent-store.js'

export interface FailDeps {
  readonly store: Pick<IntentStore, 'update' | 'byId'>
  readonly holds: Pick<HoldStore, 'release'>
  readonly advance: Advance
  readonly nowMs: () => number
  readonly crashPoint: ReachCrashPoint
  readonly nudgeOutbox: () => void
}

/**
 * What moved nothing becomes REJECTED, what is held FAILED; what the Ledger moved before is SETTLED. The operator's wish is
 * written before the Ledger is asked, so whoever ends the intent ends it for that reason. Answers as advancing does; an
 * intent that is final is answered as it is.
 */
export async function failIntent(deps: FailDeps, intent: Intent, failure: Failure): Promise<Advanced> {
  switch (intent.status.state) {
    case 'VALIDATED':
    case 'AUTHORIZED': {
      deps.crashPoint('before-wish')
      const wished = await deps.holds.release(intent.id, { kind: 'FAIL', failure })
      deps.crashPoint('after-wish')
      return await deps.advance(wished ?? (await read(deps, intent.id)))
    }
    case 'IN_REVIEW':
      return await reject(deps, intent, failure)
    default:
      return { kind: 'rests', intent }
  }
}

/** Ends an intent whose money never moves; one that somebody else moved on is ended from there. */
async function reject(deps: FailDeps, intent: Intent, failure: Failure): Promise<Advanced> {
  const after = rejected(intent, failure, deps.nowMs())
  const written = await deps.store.update(intent, after)
  if (!written) return await failIntent(deps, await read(deps, intent.id), failure)
  deps.nudgeOutbox()
  return { kind: 'rests', intent: after }
}

async function read(deps: FailDeps, id: string): Promise<Intent> {
  const intent = await deps.store.byId(id)
  if (intent === undefined) throw new Error(`intent ${id} is gone`)
  return intent
}
