// Finishes what was left unfinished: by a crash, by a Ledger that did not answer. Every replica runs one.
import { type Advance } from './advance.js'
import { type Intent } from '../intents/intent.js'
import { type IntentStore } from '../intents/intent-store.js'
import { Loop } from '../../runtime/loop.js'
import { type Logger } from '../../runtime/logger.js'
import { ParallelLoop } from './parallel-loop.js'

export interface ResumerDeps {
  readonly store: Pick<IntentStore, 'claimDue'>
  readonly advance: Advance
  readonly random: () => number
  readonly log: Logger
}

// Few enough to be finished within the 3 s for which they are claimed, while the Ledger is slow.
const claimMax = 64
// What is asked of a provider at once by this process; a question, and a submission after it, take 18 s at most.
const questionsMax = 64
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
 * nobody else's payment, nor another provider's, and a question that hangs no other question.
 */
export function createPoller(deps: PollerDeps, provider: string): ParallelLoop<Intent> {
  const { store, advance, random, log } = deps
  return new ParallelLoop({
    name: `poller ${provider}`,
    countMax: questionsMax,
    take: (countMax) => store.claimToPoll(provider, countMax),
    carryOut: (intent) => finish(log, intent, () => advance(intent, 'POLL')),
    restMs,
    restMsMax,
    random,
    log,
  })
}

/** Takes the intents that are due and advances each; true when there may be more. */
export async function resumeDue(deps: ResumerDeps): Promise<boolean> {
  const due = await deps.store.claimDue(claimMax)
  await Promise.all(due.map((intent) => finish(deps.log, intent, () => deps.advance(intent))))
  return due.length === claimMax
}

async function finish(log: Logger, { id }: Intent, step: () => ReturnType<Advance>): Promise<void> {
  try {
    const advanced = await step()
    if (advanced.kind === 'waiting') log.warn({ intent: id, cause: advanced.cause }, 'still unfinished')
    else log.info({ intent: id, state: advanced.intent.status.state }, 'resumed')
  } catch (error) {
    // One broken intent must not stop the others.
    log.error({ err: error, intent: id }, 'could not resume')
  }
}
