// The step function: takes an intent from where it rests to where it goes next. Requests, duplicates and the resumer
// all run this one function, at the same time if it so happens: the Ledger applies a chain once and ends a hold once, and
// the conditional update lets one outcome in.
import { type Burnt } from './burn-chain.js'
import { type Channel } from '../channels/channel.js'
import { type Channels } from '../channels/channels.js'
import { attemptMax, type ChainPlan, postTryMax, type Resolution } from './chain.js'
import { type ChainOutcome } from './chain-runner.js'
import { firstPlan, postPlan, voidPlan } from './chain-plans.js'
import { limitsOf } from '../decisions/decision.js'
import { type ReachCrashPoint } from '../crash-points.js'
import {
  authorized,
  type Failure,
  type Intent,
  rejected,
  type Release,
  released,
  settled,
  type Submission,
} from '../intents/intent.js'
import { type HoldStore } from '../intents/hold-store.js'
import { type IntentStore } from '../intents/intent-store.js'
import { type Approach } from '../providers/carry-out.js'
import { isUnavailable } from '../ledger/ledger-client.js'
import { type EnsuredLimit, type LimitAccounts } from '../limits/limit-accounts.js'
import { limitExceeded, type LimitLeg } from '../limits/limit.js'

export interface AdvanceDeps {
  readonly channels: Pick<Channels, 'of'>
  readonly store: Pick<IntentStore, 'update' | 'attemptAgain' | 'byId'>
  readonly holds: Pick<HoldStore, 'release'>
  readonly carryOut: (intent: Intent, submission: Submission, approach: Approach) => Promise<Intent>
  /** Writes that a provider paid what can never be taken from the hold, and that the hold is to be released. */
  readonly giveUp: (intent: Intent, failure: Failure) => Promise<Intent | undefined>
  /** Puts a payment that was made, and whose money is given back, on the list. */
  readonly noteLateSuccess: (intent: Intent, submission: Submission) => Promise<void>
  readonly limits: Pick<LimitAccounts, 'refresh'>
  readonly runChain: (intent: Intent, plan: ChainPlan) => Promise<ChainOutcome>
  readonly burn: (intent: Intent) => Promise<Burnt>
  readonly nowMs: () => number
  readonly crashPoint: ReachCrashPoint
  /** Told after an outcome, and so its event, is committed. */
  readonly nudgeOutbox: () => void
}

export type Advanced =
  /** The intent as it is stored, in a final state or waiting for somebody to decide. */
  | { readonly kind: 'rests'; readonly intent: Intent }
  /** What the Ledger did is not known, or it cannot be asked. The intent stays; advancing it again settles it. */
  | { readonly kind: 'waiting'; readonly intent: Intent; readonly cause: string }

/** How it goes about a provider is ASK unless told otherwise. */
export type Advance = (intent: Intent, approach?: Approach) => Promise<Advanced>

/** The step function. Whoever asks for a step that this process is already taking gets the same answer. */
export function createAdvance(deps: AdvanceDeps): Advance {
  const underWay = new Map<string, Promise<Advanced>>()
  return (intent, approach = 'ASK') => {
    const key = `${approach} ${stepKey(intent)}`
    const running = underWay.get(key)
    if (running !== undefined) return running
    const started = step({ ...deps, approach }, intent).finally(() => underWay.delete(key))
    underWay.set(key, started)
    return started
  }
}

// What a step does follows from the intent's version and attempt, from what is wanted of its hold, and from whether its
// provider was asked.
function stepKey({ id, version, attempt, captureMinor, release, submission }: Intent): string {
  return `${id} ${version} ${attempt} ${captureMinor ?? ''} ${release?.kind ?? ''} ${submission?.askedMs ?? ''}`
}

interface StepDeps extends AdvanceDeps {
  readonly approach: Approach
}

async function step(deps: StepDeps, intent: Intent): Promise<Advanced> {
  switch (intent.status.state) {
    case 'VALIDATED':
      return await pay(deps, intent)
    case 'AUTHORIZED':
      return await resolve(deps, intent)
    case 'IN_REVIEW':
    case 'SETTLED':
    case 'REJECTED':
    case 'FAILED':
    case 'CANCELLED':
    case 'EXPIRED':
      return { kind: 'rests', intent }
    case 'CREATED':
      throw new Error(`intent ${intent.id} rests in CREATED, where no write leaves one`)
  }
}

/** VALIDATED: move or hold the money, write what became of it. */
async function pay(deps: StepDeps, intent: Intent): Promise<Advanced> {
  const channel = deps.channels.of(intent)
  if (channel === undefined) return noChannel(intent)
  if (intent.release?.kind === 'FAIL') {
    const ended = await endUnpaid(deps, intent, intent.release.failure)
    if (ended !== 'paid') return ended
  }
  const outcome = await run(deps, intent, firstPlan(intent, channel))
  // The Ledger said no before: maybe to who burnt the chain, who then has written before why.
  const wished = 'before' in outcome && outcome.before ? await wishedMeanwhile(deps, intent) : undefined
  if (wished !== undefined) return await step(deps, wished)
  switch (outcome.kind) {
    case 'applied': {
      const next = intent.holdSeconds === undefined ? settled : authorized
      const written = await write(deps, intent, next(intent, deps.nowMs()))
      // What is held for a provider goes on to it; what an operator has ended is released.
      const goesOn = intent.submission !== undefined || intent.release !== undefined
      return written.kind === 'rests' && goesOn ? await step(deps, written.intent) : written
    }
    case 'refused':
      return await write(deps, intent, rejected(intent, outcome.failure, deps.nowMs()))
    case 'overLimit':
      return await payAgainOrReject(deps, intent, outcome.limitIndex)
    case 'resolved':
      return { kind: 'waiting', intent, cause: `the Ledger answers a first step with ${outcome.how}` }
    case 'undecided':
      return { kind: 'waiting', intent, cause: outcome.cause }
  }
}

/** An operator has ended what may have moved nothing: makes sure that it never will, unless it has. */
async function endUnpaid(deps: StepDeps, intent: Intent, failure: Failure): Promise<Advanced | 'paid'> {
  const burnt = await deps.burn(intent)
  deps.crashPoint('after-burn')
  switch (burnt.kind) {
    case 'applied':
      return 'paid'
    case 'burnt':
      return await write(deps, intent, rejected(intent, failure, deps.nowMs()))
    case 'undecided':
      return { kind: 'waiting', intent, cause: burnt.cause }
  }
}

/** The intent as it is stored, when an operator has ended it since it was read. */
async function wishedMeanwhile(deps: StepDeps, intent: Intent): Promise<Intent | undefined> {
  if (intent.release !== undefined) return undefined
  const now = await read(deps, intent.id)
  return now.release === undefined ? undefined : now
}

/**
 * A limit's account did not have enough. When its cap was changed, the account was emptied and another took its place:
 * the chain runs again with that one, under the ids of the next attempt. Nothing has moved, and the attempt that was
 * refused can never move anything: the Ledger has burnt the id of the leg that it refused.
 */
async function payAgainOrReject(deps: StepDeps, intent: Intent, limitIndex: number): Promise<Advanced> {
  const legs = limitsOf(intent.decision)
  const ensured = await refreshed(deps, legs)
  if (typeof ensured === 'string') return { kind: 'waiting', intent, cause: ensured }
  const [leg, now, before] = [legs[limitIndex], ensured[limitIndex], intent.limitAccounts[limitIndex]]
  if (leg === undefined || now === undefined || before === undefined) {
    throw new RangeError(`intent ${intent.id} has no limit ${limitIndex}`)
  }
  if (now.account.account === before.account || intent.attempt === attemptMax) {
    return await write(deps, intent, rejected(intent, limitExceeded(leg, now.usage), deps.nowMs()))
  }
  const again = { ...intent, attempt: intent.attempt + 1, limitAccounts: ensured.map(({ account }) => account) }
  deps.crashPoint('before-attempt')
  const written = await deps.store.attemptAgain(again)
  deps.crashPoint('after-attempt')
  return await step(deps, written ? again : await read(deps, intent.id))
}

/** How the limits' windows stand; why not, when the Ledger cannot be asked. */
async function refreshed(deps: StepDeps, legs: readonly LimitLeg[]): Promise<readonly EnsuredLimit[] | string> {
  try {
    return await deps.limits.refresh(legs)
  } catch (error) {
    if (isUnavailable(error) && error instanceof Error) return error.message
    throw error
  }
}

/** AUTHORIZED: post or release the hold, if that is wanted. Where both are, who is paid comes first. */
async function resolve(deps: StepDeps, intent: Intent): Promise<Advanced> {
  const channel = deps.channels.of(intent)
  if (channel === undefined) return noChannel(intent)
  if (intent.captureMinor !== undefined) return await post(deps, intent, channel, intent.captureMinor)
  if (intent.release !== undefined) return await release(deps, intent, channel)
  if (intent.submission === undefined) return { kind: 'rests', intent }
  const after = await deps.carryOut(intent, intent.submission, deps.approach)
  const isDecided = after.captureMinor !== undefined || after.release !== undefined
  return isDecided || after.status.state !== 'AUTHORIZED' ? await step(deps, after) : { kind: 'rests', intent: after }
}

async function post(
  deps: StepDeps,
  intent: Intent,
  channel: Channel,
  captureMinor: bigint,
  tryNumber = 0,
): Promise<Advanced> {
  const outcome = await run(deps, intent, postPlan(intent, channel, captureMinor, tryNumber))
  switch (outcome.kind) {
    case 'applied':
      return await write(deps, intent, settled(intent, deps.nowMs()))
    case 'resolved':
      return await writeResolved(deps, intent, outcome.how)
    case 'refused':
      return await postRefused(deps, intent, channel, captureMinor, { failure: outcome.failure, tryNumber })
    case 'overLimit':
      return { kind: 'waiting', intent, cause: 'the Ledger counts again what a hold has counted' }
    case 'undecided':
      return { kind: 'waiting', intent, cause: outcome.cause }
  }
}

/**
 * An account of the hold is closed or frozen. What a provider has paid is not given back for that: it waits until the account
 * is open again. The Ledger has burnt the ids of the try that it refused, so the next one has others.
 */
async function postRefused(
  deps: StepDeps,
  intent: Intent,
  channel: Channel,
  captureMinor: bigint,
  { failure, tryNumber }: { readonly failure: Failure; readonly tryNumber: number },
): Promise<Advanced> {
  if (intent.submission === undefined || tryNumber === postTryMax) return await giveBack(deps, intent, channel, failure)
  if (failure.reason === 'ACCOUNT_CLOSED') return { kind: 'waiting', intent, cause: failure.message }
  return await post(deps, intent, channel, captureMinor, tryNumber + 1)
}

/** The hold can never be posted: an account of it was closed. The payer gets the money back. */
async function giveBack(deps: StepDeps, intent: Intent, channel: Channel, failure: Failure): Promise<Advanced> {
  const wanted =
    intent.submission === undefined
      ? await deps.holds.release(intent.id, { kind: 'FAIL', failure })
      : await deps.giveUp(intent, failure)
  return await release(deps, wanted ?? (await read(deps, intent.id)), channel)
}

async function release(deps: StepDeps, intent: Intent, channel: Channel): Promise<Advanced> {
  if (intent.status.state !== 'AUTHORIZED') return await step(deps, intent)
  const outcome = await run(deps, intent, voidPlan(intent, channel))
  switch (outcome.kind) {
    case 'applied':
      return await writeResolved(deps, intent, 'VOIDED')
    case 'resolved':
      return await writeResolved(deps, intent, outcome.how)
    case 'refused':
      return { kind: 'waiting', intent, cause: `the Ledger does not release the hold: ${outcome.failure.message}` }
    case 'overLimit':
      return { kind: 'waiting', intent, cause: 'the Ledger counts what a release gives back' }
    case 'undecided':
      return { kind: 'waiting', intent, cause: outcome.cause }
  }
}

/**
 * Writes how the hold ended. Somebody else may have ended it, for a reason that was written after this intent was read:
 * it was written before the Ledger was asked, so the row has it by now.
 */
async function writeResolved(deps: StepDeps, stale: Intent, how: Resolution): Promise<Advanced> {
  const intent = await read(deps, stale.id)
  if (intent.status.state !== 'AUTHORIZED') return await step(deps, intent)
  const { submission, captureMinor } = intent
  // Its provider has paid: before the payment is over for everybody, it has to be known to somebody.
  if (how !== 'POSTED' && submission !== undefined && captureMinor !== undefined) {
    await deps.noteLateSuccess(intent, submission)
  }
  return await write(deps, intent, resolved(intent, how, deps.nowMs()))
}

// Released without a reason of ours: an operator used the Ledger itself.
const releasedElsewhere: Release = {
  kind: 'FAIL',
  failure: { reason: 'HOLD_RELEASED', message: 'What was held was released in the Ledger.' },
}

function resolved(intent: Intent, how: Resolution, nowMs: number): Intent {
  switch (how) {
    case 'POSTED':
      return settled(intent, nowMs)
    case 'VOIDED':
      return released(intent, intent.release ?? releasedElsewhere, nowMs)
    case 'EXPIRED':
      return released(intent, { kind: 'EXPIRE' }, nowMs)
  }
}

function noChannel(intent: Intent): Advanced {
  return { kind: 'waiting', intent, cause: 'this process does not have its channel' }
}

async function run(deps: StepDeps, intent: Intent, plan: ChainPlan): Promise<ChainOutcome> {
  deps.crashPoint('before-ledger')
  const outcome = await deps.runChain(intent, plan)
  deps.crashPoint('after-ledger')
  return outcome
}

async function write(deps: StepDeps, before: Intent, after: Intent): Promise<Advanced> {
  const written = await deps.store.update(before, after)
  deps.crashPoint('after-update')
  if (!written) return await step(deps, await read(deps, before.id))
  deps.nudgeOutbox()
  return { kind: 'rests', intent: after }
}

async function read(deps: StepDeps, id: string): Promise<Intent> {
  const intent = await deps.store.byId(id)
  if (intent === undefined) throw new Error(`intent ${id} is gone`)
  return intent
}
