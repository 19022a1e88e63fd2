// Makes payments: what CreateIntent and FundWallet have in common.
//
// Decide, one insert with the frozen decision, the Ledger's chain, one update. The same request again meets its own
// insert and gets the first one's intent.
import { type Call } from '../../runtime/call.js'
import { type Advance, type Advanced } from './advance.js'
import { legsMax } from './chain.js'
import { type Channel } from '../channels/channel.js'
import { type Channels } from '../channels/channels.js'
import { type ReachCrashPoint } from '../crash-points.js'
import {
  amountMaxMinor,
  type Decision,
  feesOf,
  limitsOf,
  type RequiredLevel,
  requiredLevelOf,
  reviewOf,
  totalsOf,
} from '../decisions/decision.js'
import { levelToMessage } from '../decisions/decision-message.js'
import { type Failure, type Intent, newIntent, type Order, type RequestKey } from '../intents/intent.js'
import { type IntentStore } from '../intents/intent-store.js'
import { isUnavailable } from '../ledger/ledger-client.js'
import { type LimitAccounts } from '../limits/limit-accounts.js'
import { type LimitAccount } from '../limits/limit.js'
import { type PaymentFacts, type Rules } from '../decisions/rules-client.js'

export interface PaymentsDeps {
  readonly store: Pick<IntentStore, 'insert' | 'insertRefund' | 'byRequest'>
  readonly rules: Pick<Rules, 'decide'>
  readonly limits: Pick<LimitAccounts, 'of'>
  readonly advance: Advance
  readonly newIntentId: () => string
  readonly nowMs: () => number
  readonly crashPoint: ReachCrashPoint
  readonly channels: Channels
  readonly providers: ProviderNames
  /** Told after an event is committed. */
  readonly nudgeOutbox: () => void
  /** How many payments this process works on at once; the next one is told to wait. */
  readonly inFlightMax: number
}

export type Payment =
  /** The outcome, or where it waits for a person. A replay is the answer to a request that was made before. */
  | { readonly kind: 'rests'; readonly intent: Intent; readonly replay: boolean }
  /** Accepted and stored, but what the Ledger did is not known yet. */
  | { readonly kind: 'waiting'; readonly intent: Intent; readonly cause: string }
  /** The creator used the request id for something else. */
  | { readonly kind: 'reused' }
  /** Nothing was done: Rules could not decide, or the Ledger not open the window of a limit. */
  | { readonly kind: 'undecided'; readonly peer: 'rules' | 'ledger'; readonly cause: string }
  /** Nothing was done: amount and fees do not fit int64. */
  | { readonly kind: 'amountTooLarge' }
  /** Nothing was done: rules demand that whoever asks proves more than their session has. The same may be sent again. */
  | { readonly kind: 'stepUpNeeded'; readonly level: RequiredLevel }
  /** Nothing was done: less is left to refund of the parent. */
  | { readonly kind: 'noRoom' }
  /** Nothing was done: too much is under way. */
  | { readonly kind: 'overloaded' }

export interface Payments {
  make(call: Pick<Call, 'signal'>, key: RequestKey, facts: PaymentFacts): Promise<Payment>
  /** Gives back a part of a settled intent; the facts are those of the payment back. */
  refund(call: Pick<Call, 'signal'>, key: RequestKey, facts: PaymentFacts, parentId: string): Promise<Payment>
  /** What became of an earlier request under this key; undefined when there was none. */
  replay(key: RequestKey): Promise<Payment | undefined>
}

export function createPayments(deps: PaymentsDeps): Payments {
  let inFlight = 0
  const bounded = async (call: Pick<Call, 'signal'>, request: PaymentRequest): Promise<Payment> => {
    if (inFlight >= deps.inFlightMax) return { kind: 'overloaded' }
    inFlight += 1
    try {
      return await make(deps, call, request)
    } finally {
      inFlight -= 1
    }
  }
  return {
    make: (call, key, facts) => bounded(call, { key, facts, parentId: undefined }),
    refund: (call, key, facts, parentId) => bounded(call, { key, facts, parentId }),
    replay: (key) => replay(deps, key),
  }
}

interface PaymentRequest {
  readonly key: RequestKey
  readonly facts: PaymentFacts
  readonly parentId: string | undefined
}

async function make(
  deps: PaymentsDeps,
  call: Pick<Call, 'signal'>,
  { key, facts, parentId }: PaymentRequest,
): Promise<Payment> {
  const decided = await deps.rules.decide(call, facts)
  // A payment that was made is not forgotten because Rules is away.
  if (decided.kind === 'unavailable') {
    return (await replay(deps, key)) ?? { kind: 'undecided', peer: 'rules', cause: decided.cause }
  }
  const { decision } = decided
  const examined = examine(deps, facts.order, decision)
  // Nor because Rules decides otherwise by now.
  if (examined.kind === 'amountTooLarge') return (await replay(deps, key)) ?? examined
  const { refusal } = examined
  const missing = missingLevel(facts, decision)
  if (refusal === undefined && missing !== undefined) {
    return (await replay(deps, key)) ?? { kind: 'stepUpNeeded', level: missing }
  }
  const limitAccounts = refusal === undefined ? await limitAccountsOf(deps, decision) : []
  if ('kind' in limitAccounts) return (await replay(deps, key)) ?? limitAccounts
  // The caller has gone: stop while nothing is written.
  call.signal.throwIfAborted()
  const needsReview = refusal === undefined && reviewOf(decision) !== undefined
  const terms = refusal === undefined ? channelFor(deps, facts.order, decision)?.provider : undefined
  // What a provider is to carry out is held for its answer.
  const order = terms === undefined ? facts.order : { ...facts.order, holdSeconds: terms.holdSeconds }
  const made = { id: deps.newIntentId(), order, key, decision, limitAccounts, parentId, provider: terms?.name }
  const draft = { ...made, refusal, needsReview }
  const intent = newIntent(draft, deps.nowMs())
  deps.crashPoint('before-insert')
  // A refund takes room that its refusal would have to give back: one that is refused at once takes none.
  const isRefund = parentId !== undefined && refusal === undefined
  const inserted = await (isRefund ? deps.store.insertRefund(intent) : deps.store.insert(intent))
  deps.crashPoint('after-insert')
  if (inserted.kind === 'noRoom') return (await replay(deps, key)) ?? inserted
  if (inserted.kind === 'taken') return await answerEarlier(deps, key, inserted.winner)
  if (intent.status.state !== 'VALIDATED') deps.nudgeOutbox()
  return paymentOf(await deps.advance(inserted.intent), false)
}

/** The level that the payment needs and the session has not proven; undefined when it is strong enough. */
export function missingLevel({ level }: PaymentFacts, decision: Decision): RequiredLevel | undefined {
  const required = requiredLevelOf(decision)
  if (required === undefined || level === undefined) return undefined
  return level < levelToMessage(required) ? required : undefined
}

/** What the chain debits for each limit; opens windows that nobody has used yet. */
async function limitAccountsOf(
  deps: PaymentsDeps,
  decision: Decision,
): Promise<readonly LimitAccount[] | (Payment & { readonly kind: 'undecided' })> {
  try {
    return await deps.limits.of(limitsOf(decision))
  } catch (error) {
    if (isUnavailable(error) && error instanceof Error)
      return { kind: 'undecided', peer: 'ledger', cause: error.message }
    throw error
  }
}

async function replay(deps: PaymentsDeps, key: RequestKey): Promise<Payment | undefined> {
  const earlier = await deps.store.byRequest(key.creator, key.requestId)
  return earlier && (await answerEarlier(deps, key, earlier))
}

/** Answers with the earlier request's intent, and helps it to its outcome first. */
async function answerEarlier(deps: PaymentsDeps, key: RequestKey, earlier: Intent): Promise<Payment> {
  if (!key.requestHash.equals(earlier.requestHash)) return { kind: 'reused' }
  return paymentOf(await deps.advance(earlier), true)
}

function paymentOf(advanced: Advanced, isReplay: boolean): Payment {
  return advanced.kind === 'rests' ? { kind: 'rests', intent: advanced.intent, replay: isReplay } : advanced
}

export type Examined =
  { readonly kind: 'examined'; readonly refusal: Failure | undefined } | { readonly kind: 'amountTooLarge' }

/** The providers that this process is configured for. */
export type ProviderNames = Pick<ReadonlySet<string>, 'has'>

type ExamineDeps = Pick<PaymentsDeps, 'channels' | 'providers'>

/** Whether this service can carry out what Rules decided. */
export function examine(deps: ExamineDeps, order: Order, decision: Decision): Examined {
  const { verdict } = decision
  if (verdict.kind === 'refused') {
    // A number that cannot be said is the caller's mistake and no payment, whoever finds it.
    if (verdict.failure.reason === 'AMOUNT_TOO_LARGE') return { kind: 'amountTooLarge' }
    return { kind: 'examined', refusal: verdict.failure }
  }
  const totals = totalsOf(order.amountMinor, decision)
  if (totals.payerMinor > amountMaxMinor) return { kind: 'amountTooLarge' }
  return { kind: 'examined', refusal: refusalOf(deps, order, decision, totals.payeeMinor) }
}

function channelFor({ channels }: ExamineDeps, order: Order, { verdict }: Decision): Channel | undefined {
  return verdict.kind === 'routed' ? channels.find(verdict.channel, order.operationType) : undefined
}

function refusalOf(deps: ExamineDeps, order: Order, decision: Decision, payeeMinor: bigint): Failure | undefined {
  if (payeeMinor <= 0n) return { reason: 'FEE_EXCEEDS_AMOUNT', message: 'The fees leave nothing for the payee.' }
  const channel = channelFor(deps, order, decision)
  if (channel === undefined || (channel.provider !== undefined && !deps.providers.has(channel.provider.name))) {
    return { reason: 'NO_CHANNEL', message: 'No channel here settles payments of this type as they are routed.' }
  }
  if (order.holdSeconds !== undefined && deps.channels.termsOf(order.operationType)?.holdDecider === undefined) {
    return { reason: 'NO_HOLD', message: 'Payments of this type cannot be held.' }
  }
  // One leg for the payer, one for the payee, one a fee and one a limit.
  if (feesOf(decision).length + limitsOf(decision).length > legsMax - 2) {
    return { reason: 'TOO_MANY_FEES', message: 'The payment has more fees and limits than one chain can carry.' }
  }
  return undefined
}
