// Finishes what was left unfinished: by a crash, by a Ledger that did not answer. Every replica runs one.
import { type Advance } from './advance.js'
import { type Intent } from '../intents/intent.js'
import { type IntentStore } from '../intents/intent-store.js'
import { Loop } from '../../runtime/loop.js'
import { type Logger } from '../../runtime/logger.js'

export interface ResumerDeps {
  readonly store: Pick<IntentStore, 'claimDue'>
  readonly advance: Advance
  readonly random: () => number
  readonly log: Logger
}

// Few enough to be finished within the 3 s for which they are claimed, while the Ledger is slow.
const claimMax = 64
const restMs = 500
const restMsMax = 10_000

export function createResumer(deps: ResumerDeps): Loop {
  const { random, log } = deps
  return new Loop({ name: 'resumer', work: () => resumeDue(deps), restMs, restMsMax, random, log })
}

export interface PollerDeps extends Omit<ResumerDeps, 'store'> {
  readonly store: Pick<IntentStore, 'claimToPoll'>
}

/**
 * The resumer of payments that wait for one provider. A loop of its own, so that a provider that takes its time holds up
 * nobody else's payment, nor another provider's.
 */
export function createPoller(deps: PollerDeps, provider: string): Loop {
  const { random, log } = deps
  const work = () => pollDue(deps, provider)
  return new Loop({ name: `poller ${provider}`, work, restMs, restMsMax, random, log })
}

async function pollDue(deps: PollerDeps, provider: string): Promise<boolean> {
  const due = await deps.store.claimToPoll(provider, claimMax)
  await finish(deps, due, (intent) => deps.advance(intent, 'POLL'))
  return due.length === claimMax
}

/** Takes the intents that are due and advances each; true when there may be more. */
export async function resumeDue(deps: ResumerDeps): Promise<boolean> {
  const due = await deps.store.claimDue(claimMax)
  await finish(deps, due, (intent) => deps.advance(intent))
  return due.length === claimMax
}

async function finish(
  deps: Pick<ResumerDeps, 'log'>,
  due: readonly Intent[],
  step: (intent: Intent) => ReturnType<Advance>,
): Promise<void> {
  const results = await Promise.allSettled(due.map(step))
  for (const [index, result] of results.entries()) {
    const intent = due[index]?.id
    // One broken intent must not stop the others.
    if (result.status === 'rejected') deps.log.error({ err: result.reason as unknown, intent }, 'could not resume')
    else if (result.value.kind === 'waiting') deps.log.warn({ intent, cause: result.value.cause }, 'still unfinished')
    else deps.log.info({ intent, state: result.value.intent.status.state }, 'resumed')
  }
}
