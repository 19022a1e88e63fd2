// What is measured of a payment from the payments before it: the signals that rules may read.
//
// Whole numbers, exact over what is remembered of the payer in the asset. What is not remembered whole is left out rather
// than guessed: a payer who looks new because a cache was emptied is not one.

/** A settled payment as it is remembered. */
export interface PastPayment {
  readonly timeMs: number
  readonly amountMinor: bigint
  /** Whoever was paid, by their owner where there is one. */
  readonly payee: string
}

/** What is remembered of a payer in an asset. */
export interface PaymentHistory {
  /** The newest, at most `paymentsMax`. */
  readonly payments: readonly PastPayment[]
  /** When the payee was paid last; undefined when nothing is known of it. */
  readonly payeePaidMs: number | undefined
  /** Whether payees were forgotten because there are so many. */
  readonly payeesForgotten: boolean
  /** Since when every payment was remembered; undefined when that is not known. */
  readonly completeSinceMs: number | undefined
}

/**
 * So many payments of a payer in an asset are remembered. A count that reaches it means: this or more. Reading them is what a
 * signal costs, about a microsecond of this process for each.
 */
export const paymentsMax = 64
export const hourMs = 3_600_000
export const dayMs = 24 * hourMs
/** How long payments and payees are remembered. */
export const memoryMs = 30 * dayMs

const samplesMin = 5
const zScoreMilliMax = 1_000_000n
const int64Max = 2n ** 63n - 1n

/** The signals of a payment of the amount, made now; those that cannot be told are left out. */
export function signalsOf(history: PaymentHistory, amountMinor: bigint, nowMs: number): Record<string, bigint> {
  const { payments } = history
  const isWhole = (windowMs: number) => (history.completeSinceMs ?? Infinity) <= nowMs - windowMs
  const within = (windowMs: number) => payments.filter(({ timeMs }) => timeMs > nowMs - windowMs)
  const day = within(dayMs)
  const zScoreMilli = zScoreMilliOf(amountMinor, within(memoryMs))
  const isFirst = firstToPayee(history, isWhole(memoryMs), nowMs)
  return {
    ...(isWhole(hourMs) && { payments_last_hour: BigInt(within(hourMs).length) }),
    ...(isWhole(dayMs) && {
      payments_last_day: BigInt(day.length),
      amount_last_day_minor: heldToInt64(sumOf(day)),
      distinct_payees_last_day: BigInt(new Set(day.map(({ payee }) => payee)).size),
    }),
    ...(isFirst !== undefined && { first_payment_to_payee: isFirst ? 1n : 0n }),
    ...(zScoreMilli !== undefined && { z_score_milli: zScoreMilli }),
  }
}

/** The names of all signals that Intent measures. */
export const measuredSignals: ReadonlySet<string> = new Set([
  ...['payments_last_hour', 'payments_last_day', 'amount_last_day_minor', 'distinct_payees_last_day'],
  ...['first_payment_to_payee', 'z_score_milli'],
])

/** Undefined when nothing is known of the payee and not all of the time is remembered. */
function firstToPayee(history: PaymentHistory, isWhole: boolean, nowMs: number): boolean | undefined {
  const { payeePaidMs, payeesForgotten } = history
  if (payeePaidMs !== undefined && payeePaidMs > nowMs - memoryMs) return false
  return isWhole && !payeesForgotten ? true : undefined
}

/**
 * How many thousandths of a standard deviation the amount is over the mean of earlier ones, below zero when it is under;
 * rounded towards zero, at most a million either way. Undefined for fewer than five. With n amounts of sum S and sum of
 * squares Q it is (n·amount − S) / √(n·Q − S²), in integers up to the root.
 */
function zScoreMilliOf(amountMinor: bigint, payments: readonly PastPayment[]): bigint | undefined {
  if (payments.length < samplesMin) return undefined
  const n = BigInt(payments.length)
  const sum = sumOf(payments)
  const squares = payments.reduce((total, payment) => total + payment.amountMinor ** 2n, 0n)
  const distance = n * amountMinor - sum
  const variance = n * squares - sum ** 2n
  if (distance === 0n) return 0n
  const size = variance === 0n ? zScoreMilliMax : squareRoot((1_000_000n * distance ** 2n) / variance)
  const held = size < zScoreMilliMax ? size : zScoreMilliMax
  return distance < 0n ? -held : held
}

function sumOf(payments: readonly PastPayment[]): bigint {
  return payments.reduce((total, { amountMinor }) => total + amountMinor, 0n)
}

function heldToInt64(value: bigint): bigint {
  return value < int64Max ? value : int64Max
}

/** The largest integer whose square is not over the value: Newton's method from above. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2))
  for (;;) {
    const next = (root + value / root) / 2n
    if (next >= root) return root
    root = next
  }
}
