// How the provider behaves towards a destination: what it answers, what becomes of the money, what it calls back.
import { z } from 'zod'

/** What becomes of a transfer in the end. */
export type Outcome = 'SETTLED' | 'REFUSED'

/** A callback of an outcome, and how it is not as it should be. */
export interface CallbackPlan {
  /** Whose event id it has: a new one, or that of the outcome's first callback. */
  readonly eventId: 'new' | 'first'
  readonly fault?: 'signature' | 'amount' | 'id'
}

/** From when on an outcome is the truth, which GET tells, and what is called back then. */
export interface OutcomePlan {
  readonly outcome: Outcome
  readonly afterMs: number
  readonly callbacks: readonly CallbackPlan[]
}

/**
 * What a POST is answered: the transfer as it stands, without a reference, with an amount that is not its, or with 422; nothing for ever, a page,
 * a broken connection, an error, or one that says that it was refused.
 */
export type AnswerPlan =
  | 'transfer'
  | 'transfer-after-callback'
  | 'unnamed-transfer'
  | 'other-amount'
  | 'unprocessable-transfer'
  | 'nothing'
  | 'page'
  | 'reset'
  | 'unavailable'
  | 'invalid'
  | 'refusing-error'
  | 'page-422'

/** A behaviour in full. */
export interface Plan {
  readonly answer: AnswerPlan
  /** Whether the request reaches the provider's books, at once or after the next question was answered. */
  readonly takesIn: boolean | 'after-question'
  readonly outcomes: readonly OutcomePlan[]
}

export const behaviours = [
  'settle',
  'settle-at-once',
  'refuse',
  'refuse-later',
  'late',
  'silent',
  'timeout-but-charged',
  'timeout-then-callback',
  'callback-twice',
  'callback-before-response',
  'garbage',
  'wrong-signature',
  'other-amount',
  'unknown-id',
  'server-error-then-ok',
  'contradiction',
  'down',
  'unprocessable',
  'undecided',
  'refuse-unprocessable',
  'reset-but-charged',
  'error-but-taken',
  'answer-other-amount',
  'turned-down-but-taken',
  'overtaken',
  'accept-unnamed',
] as const
export type Behaviour = (typeof behaviours)[number]

/** What a destination is given. */
export const scriptSchema = z.strictObject({
  behaviour: z.enum(behaviours),
  /** Until the outcome and its callback; the behaviour's own unless given. */
  delayMs: z.int().min(0).max(86_400_000).optional(),
  /** What GET says of a transfer that is there: the truth unless given. */
  poll: z.enum(['nothing', 'reset', 'page', 'error', 'unknown', 'other-unknown', 'other-amount']).optional(),
  /** Why it is refused. */
  reason: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{0,62}$/)
    .optional(),
  /** How many requests of one transfer are treated so; what follows is as `settle`. Every one unless given. */
  times: z.int().min(1).max(1_000).optional(),
})
export type Script = z.infer<typeof scriptSchema>

const SOON_MS = 200
const LATE_MS = 60_000
const asItShould: CallbackPlan = { eventId: 'new' }

/** What a script comes to for the n-th request of a transfer, from 1. */
export function planOf(script: Script, request: number): Plan {
  const times = script.times ?? (script.behaviour === 'server-error-then-ok' ? 1 : Infinity)
  return request > times ? plans.settle(script.delayMs ?? SOON_MS) : planFor(script)
}

function planFor({ behaviour, delayMs }: Script): Plan {
  return plans[behaviour](delayMs ?? (behaviour === 'late' ? LATE_MS : SOON_MS))
}

const accepted = (outcome: Outcome, afterMs: number, ...callbacks: CallbackPlan[]): Plan => ({
  answer: 'transfer',
  takesIn: true,
  outcomes: [{ outcome, afterMs, callbacks }],
})
const atOnce = (answer: AnswerPlan, outcome: Outcome): Plan => ({
  answer,
  takesIn: true,
  outcomes: [{ outcome, afterMs: 0, callbacks: [] }],
})
const nothingDone = (answer: AnswerPlan): Plan => ({ answer, takesIn: false, outcomes: [] })
const undecided = (answer: AnswerPlan): Plan => ({ answer, takesIn: true, outcomes: [] })

const plans: Readonly<Record<Behaviour, (delayMs: number) => Plan>> = {
  settle: (delayMs) => accepted('SETTLED', delayMs, asItShould),
  'settle-at-once': () => atOnce('transfer', 'SETTLED'),
  refuse: () => atOnce('transfer', 'REFUSED'),
  'refuse-later': (delayMs) => accepted('REFUSED', delayMs, asItShould),
  late: (delayMs) => accepted('SETTLED', delayMs, asItShould),
  silent: (delayMs) => accepted('SETTLED', delayMs),
  'timeout-but-charged': () => atOnce('nothing', 'SETTLED'),
  'timeout-then-callback': (delayMs) => ({ ...accepted('SETTLED', delayMs, asItShould), answer: 'nothing' }),
  'callback-twice': (delayMs) => accepted('SETTLED', delayMs, asItShould, { eventId: 'first' }, asItShould),
  'callback-before-response': () => ({
    ...accepted('SETTLED', 0, asItShould),
    answer: 'transfer-after-callback',
  }),
  garbage: () => atOnce('page', 'SETTLED'),
  'wrong-signature': (delayMs) => accepted('SETTLED', delayMs, { eventId: 'new', fault: 'signature' }),
  'other-amount': (delayMs) => accepted('SETTLED', delayMs, { eventId: 'new', fault: 'amount' }),
  'unknown-id': (delayMs) => accepted('SETTLED', delayMs, { eventId: 'new', fault: 'id' }),
  'server-error-then-ok': () => nothingDone('unavailable'),
  contradiction: (delayMs) => ({
    answer: 'transfer',
    takesIn: true,
    outcomes: (['REFUSED', 'SETTLED'] as const).map((outcome) => ({
      outcome,
      afterMs: delayMs,
      callbacks: [asItShould],
    })),
  }),
  down: () => nothingDone('reset'),
  unprocessable: () => nothingDone('invalid'),
  undecided: () => undecided('transfer'),
  'refuse-unprocessable': () => atOnce('unprocessable-transfer', 'REFUSED'),
  'reset-but-charged': () => atOnce('reset', 'SETTLED'),
  'error-but-taken': () => undecided('refusing-error'),
  'answer-other-amount': () => atOnce('other-amount', 'SETTLED'),
  'turned-down-but-taken': () => undecided('page-422'),
  overtaken: () => ({ ...atOnce('reset', 'SETTLED'), takesIn: 'after-question' }),
  'accept-unnamed': () => undecided('unnamed-transfer'),
}

// Six digits that an account number hardly ends in by chance.
const CONVENTION = /0090(\d\d)$/

/** What a destination's number asks for when nobody scripted it: `…009001` is the first behaviour, and so on. */
export function conventionalScript(destination: readonly string[]): Script {
  const numbers = destination.flatMap((value) => CONVENTION.exec(value)?.[1] ?? [])
  const behaviour = behaviours[Number(numbers[0] ?? '1') - 1]
  return { behaviour: behaviour ?? 'settle' }
}
