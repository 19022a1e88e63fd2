// Ends an intent because an operator says so, as far as the Ledger still lets it.
import { type Advance, type Advanced } from './advance.js'
import { type Burnt } from './burn-chain.js'
import { type HoldStore } from '../intents/hold-store.js'
import { type Failure, type Intent, rejected } from '../intents/intent.js'
import { type IntentStore } from '../intents/intent-store.js'

export interface FailDeps {
  readonly store: Pick<IntentStore, 'update' | 'byId'>
  readonly holds: Pick<HoldStore, 'release'>
  readonly advance: Advance
  readonly burn: (intent: Intent) => Promise<Burnt>
  readonly nowMs: () => number
  readonly nudgeOutbox: () => void
}

/**
 * What moved nothing becomes REJECTED, what is held FAILED; what the Ledger moved before is SETTLED. Answers as advancing
 * does; an intent that is final is answered as it is.
 */
export async function failIntent(deps: FailDeps, intent: Intent, failure: Failure): Promise<Advanced> {
  switch (intent.status.state) {
    case 'VALIDATED': {
      const burnt = await deps.burn(intent)
      if (burnt.kind === 'undecided') return { kind: 'waiting', intent, cause: burnt.cause }
      if (burnt.kind === 'burnt') return await reject(deps, intent, failure)
      // What was paid is SETTLED by this; what was held goes on from AUTHORIZED.
      const advanced = await deps.advance(intent, 'LEAVE')
      const isHeld = advanced.kind === 'rests' && advanced.intent.status.state === 'AUTHORIZED'
      return isHeld ? await failIntent(deps, advanced.intent, failure) : advanced
    }
    case 'AUTHORIZED': {
      const wished = await deps.holds.release(intent.id, { kind: 'FAIL', failure })
      return await deps.advance(wished ?? (await read(deps, intent.id)))
    }
    case 'IN_REVIEW':
      return await reject(deps, intent, failure)
    default:
      return { kind: 'rests', intent }
  }
}

/** Ends an intent whose money never moves; one that somebody else moved on, or tried anew, is ended from there. */
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
