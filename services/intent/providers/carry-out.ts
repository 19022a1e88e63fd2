// What the step function does with a payment that is held for a provider: asks it, or asks about it, and takes in what it
// says. The provider is asked for the first time only after that was written down, and from then on it is asked what it
// knows before it is asked again, under the same id. Of providers with a queue, whoever takes the job asks.
import { type Logger } from '../../runtime/logger.js'
import { type ReachCrashPoint } from '../crash-points.js'
import { type Intent, type Submission } from '../intents/intent.js'
import { type IntentStore } from '../intents/intent-store.js'
import { type PollOutcome, type Provider } from './provider.js'
import { type ProviderInbox, type Via } from './provider-inbox.js'
import { type SubmissionQueue } from './submission-queue.js'
import { leaseMs, type SubmissionStore } from './submission-store.js'

export interface CarryOutDeps {
  readonly store: Pick<IntentStore, 'byId'>
  readonly submissions: SubmissionStore
  readonly inbox: ProviderInbox
  readonly providers: ReadonlyMap<string, Provider>
  /** Of the providers that have one. */
  readonly queues: ReadonlyMap<string, Pick<SubmissionQueue, 'add'>>
  readonly nowMs: () => number
  readonly crashPoint: ReachCrashPoint
  readonly log: Logger
}

/**
 * ASK: ask the provider if nobody has, or have it asked. SUBMIT: ask for what was taken from the queue. POLL: also ask
 * about what it was asked for. LEAVE: nothing.
 */
export type Approach = 'ASK' | 'SUBMIT' | 'POLL' | 'LEAVE'

/** The intent as it is stored afterwards: where it is decided what becomes of the hold, the step function goes on. */
export async function carryOut(
  deps: CarryOutDeps,
  intent: Intent,
  submission: Submission,
  approach: Approach,
): Promise<Intent> {
  const provider = deps.providers.get(submission.provider)
  // A process that is not configured for it leaves it to one that is.
  if (provider === undefined || approach === 'LEAVE') return intent
  if (submission.askedMs === undefined) return await askFirst(deps, intent, provider)
  switch (approach) {
    case 'POLL':
      return await askAbout(deps, intent, provider)
    case 'SUBMIT':
      return await takeUp(deps, intent, provider)
    case 'ASK':
      return intent
  }
}

async function askFirst(deps: CarryOutDeps, intent: Intent, provider: Provider): Promise<Intent> {
  const queue = deps.queues.get(provider.name)
  if (queue === undefined && provider.isBusy()) return intent
  deps.crashPoint('before-ask')
  const beforeMs = deps.nowMs()
  const asked = await deps.submissions.ask(intent.id)
  deps.crashPoint('after-ask')
  // Somebody else asks, or its time was over before it began.
  if (asked === undefined) return (await deps.submissions.expireUnasked(intent.id)) ?? (await read(deps, intent.id))
  return queue === undefined ? await submit(deps, asked, provider, beforeMs) : await handOver(deps, asked, queue)
}

/** Whether or not the job arrives, the poller asks about the payment when nobody else has said what became of it. */
async function handOver(deps: CarryOutDeps, asked: Intent, queue: Pick<SubmissionQueue, 'add'>): Promise<Intent> {
  try {
    await queue.add(asked.id)
    deps.crashPoint('after-queue')
    return asked
  } catch (error) {
    deps.log.warn({ err: error, intent: asked.id }, 'a submission could not be queued; the poller sees to it')
    return await note(deps, asked, undefined, false)
  }
}

/**
 * A job may come twice, and late: only who takes up the payment first submits it without a question. Who has the job sees to it
 * that the provider has a place.
 */
async function takeUp(deps: CarryOutDeps, intent: Intent, provider: Provider): Promise<Intent> {
  const beforeMs = deps.nowMs()
  const taken = await deps.submissions.take(intent.id)
  deps.crashPoint('after-take')
  if (taken !== undefined) return await submit(deps, taken, provider, beforeMs)
  const now = await read(deps, intent.id)
  return isOpen(now) ? await askAbout(deps, now, provider) : now
}

/**
 * Submits what was taken up after that time. A process that was paused since for longer than it has the payment leaves it to
 * who has it by now: what it sent might arrive after the money was given back.
 */
async function submit(deps: CarryOutDeps, intent: Intent, provider: Provider, beforeMs: number): Promise<Intent> {
  if (deps.nowMs() - beforeMs > leaseMs) return await read(deps, intent.id)
  const outcome = await provider.submit(intent)
  deps.crashPoint('after-answer')
  return await takeIn(deps, intent, provider, outcome, 'RESPONSE')
}

async function askAbout(deps: CarryOutDeps, intent: Intent, provider: Provider): Promise<Intent> {
  // Before the question: an answer to an older one does not know of what arrived since.
  const hasArrived = await deps.submissions.hasArrived(intent.id)
  const outcome = await provider.poll(intent)
  deps.crashPoint('after-answer')
  if (outcome.kind !== 'notFound') return await takeIn(deps, intent, provider, outcome, 'POLL')
  const beforeMs = deps.nowMs()
  const taken = provider.isBusy() ? undefined : await deps.submissions.takeAgain(intent.id)
  if (taken !== undefined) return await submit(deps, taken, provider, beforeMs)
  return await note(deps, intent, undefined, hasArrived)
}

async function takeIn(
  deps: CarryOutDeps,
  intent: Intent,
  { name }: Provider,
  outcome: Exclude<PollOutcome, { kind: 'notFound' }>,
  via: Exclude<Via, 'CALLBACK'>,
): Promise<Intent> {
  switch (outcome.kind) {
    case 'accepted':
      if (!outcome.isAsAsked) deps.log.warn({ intent: intent.id, provider: name }, 'a provider accepted another amount')
      return await note(deps, intent, outcome.reference)
    case 'unknown':
      deps.log.warn({ intent: intent.id, provider: name, cause: outcome.cause }, 'what a provider did is not known')
      return await note(deps, intent, undefined)
    case 'final': {
      const { report } = outcome
      const eventId = `${via.toLowerCase()}.${report.transferId}.${report.status}`
      const taken = await deps.inbox.take({ provider: name, eventId, via, report })
      deps.crashPoint('after-report')
      const decided = taken.intent ?? (await read(deps, intent.id))
      // Of another amount than was asked for: nothing is decided.
      return isOpen(decided) ? await note(deps, intent, undefined) : decided
    }
  }
}

/** Whether it is not decided yet what becomes of the hold. */
function isOpen({ status, captureMinor, release }: Intent): boolean {
  return status.state === 'AUTHORIZED' && captureMinor === undefined && release === undefined
}

async function note(
  deps: CarryOutDeps,
  { id }: Intent,
  reference: string | undefined,
  mayExpire = false,
): Promise<Intent> {
  return (await deps.submissions.note(id, { reference, mayExpire })) ?? (await read(deps, id))
}

async function read(deps: CarryOutDeps, id: string): Promise<Intent> {
  const intent = await deps.store.byId(id)
  if (intent === undefined) throw new Error(`intent ${id} is gone`)
  return intent
}
