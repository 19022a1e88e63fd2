import assert from 'node:assert/strict'
import fc from 'fast-check'
import { dayMs, hourMs, memoryMs, type PastPayment, type PaymentHistory, paymentsMax, signalsOf } from './signals.js'

const nowMs = Date.UTC(2026, 0, 31)

function historyOf(payments: readonly PastPayment[], change: Partial<PaymentHistory> = {}): PaymentHistory {
  return { payments, payeePaidMs: undefined, payeesForgotten: false, completeSinceMs: 0, ...change }
}

const past = (agoMs: number, amountMinor = 100n, payee = 'users/ben'): PastPayment => {
  return { timeMs: nowMs - agoMs, amountMinor, payee }
}
const amounts = (...minor: bigint[]) => historyOf(minor.map((amountMinor) => past(dayMs, amountMinor)))

describe('signals', () => {
  it('count what is in the last hour and day, to the millisecond', () => {
    const payments = [
      past(0, 1n),
      past(hourMs - 1, 20n),
      past(hourMs, 300n),
      past(dayMs - 1, 4_000n),
      past(dayMs, 50_000n),
    ]
    const signals = signalsOf(historyOf(payments), 1n, nowMs)
    assert.equal(signals['payments_last_hour'], 2n)
    assert.equal(signals['payments_last_day'], 4n)
    assert.equal(signals['amount_last_day_minor'], 4_321n)
    assert.equal(signals['distinct_payees_last_day'], 1n)
    const others = [past(1, 1n, 'users/a'), past(2, 1n, 'users/b'), past(3, 1n, 'users/a')]
    assert.equal(signalsOf(historyOf(others), 1n, nowMs)['distinct_payees_last_day'], 2n)
  })

  it('are left out while what they are about is not remembered whole', () => {
    const namesSince = (completeSinceMs: number | undefined) =>
      Object.keys(signalsOf(historyOf([past(1)], { completeSinceMs }), 1n, nowMs))
    assert.deepEqual(namesSince(undefined), [])
    assert.deepEqual(namesSince(nowMs - hourMs + 1), [])
    assert.deepEqual(namesSince(nowMs - hourMs), ['payments_last_hour'])
    assert.deepEqual(namesSince(nowMs - dayMs + 1), ['payments_last_hour'])
    const ofDay = ['payments_last_hour', 'payments_last_day', 'amount_last_day_minor', 'distinct_payees_last_day']
    assert.deepEqual(namesSince(nowMs - dayMs), ofDay)
    assert.deepEqual(namesSince(nowMs - memoryMs), [...ofDay, 'first_payment_to_payee'])
  })

  it('know a first payment to somebody only where nobody was forgotten', () => {
    const first = (change: Partial<PaymentHistory>) =>
      signalsOf(historyOf([], change), 1n, nowMs)['first_payment_to_payee']
    assert.equal(first({}), 1n)
    assert.equal(first({ payeePaidMs: nowMs - memoryMs + 1 }), 0n)
    assert.equal(first({ payeePaidMs: nowMs - memoryMs }), 1n)
    assert.equal(first({ payeesForgotten: true }), undefined)
    assert.equal(first({ payeesForgotten: true, payeePaidMs: nowMs }), 0n)
    assert.equal(first({ completeSinceMs: undefined }), undefined)
    assert.equal(first({ completeSinceMs: undefined, payeePaidMs: nowMs }), 0n)
  })

  it('say how far an amount is from the usual, from five payments on', () => {
    const z = (amount: bigint, history: PaymentHistory) => signalsOf(history, amount, nowMs)['z_score_milli']
    assert.equal(z(1_000n, amounts(1n, 2n, 3n, 4n)), undefined)
    // Mean 5, deviation 2.
    const usual = amounts(2n, 4n, 4n, 4n, 5n, 5n, 7n, 9n)
    assert.deepEqual(
      [5n, 7n, 3n, 6n, 11n].map((amount) => z(amount, usual)),
      [0n, 1_000n, -1_000n, 500n, 3_000n],
    )
    assert.equal(z(100n, amounts(100n, 100n, 100n, 100n, 100n)), 0n)
    assert.equal(z(101n, amounts(100n, 100n, 100n, 100n, 100n)), 1_000_000n)
    assert.equal(z(99n, amounts(100n, 100n, 100n, 100n, 100n)), -1_000_000n)
    const old = historyOf(Array.from({ length: 9 }, () => past(memoryMs)))
    assert.equal(z(1n, old), undefined)
  })

  it('are what a plain model says, over all of int64', () => {
    const amount = fc.oneof(fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), fc.bigInt({ min: 1n, max: 1_000n }))
    const payment = fc.record({
      timeMs: fc.integer({ min: 0, max: 40 * dayMs }).map((agoMs) => nowMs - agoMs),
      amountMinor: amount,
      payee: fc.constantFrom('users/a', 'users/b', 'users/c'),
    })
    fc.assert(
      fc.property(fc.array(payment, { maxLength: paymentsMax }), amount, (payments, asked) => {
        const signals = signalsOf(historyOf(payments), asked, nowMs)
        const day = payments.filter(({ timeMs }) => nowMs - timeMs < dayMs)
        const sum = day.reduce((total, { amountMinor }) => total + amountMinor, 0n)
        assert.equal(signals['payments_last_day'], BigInt(day.length))
        assert.equal(signals['amount_last_day_minor'], sum > 2n ** 63n - 1n ? 2n ** 63n - 1n : sum)
        const remembered = payments.filter(({ timeMs }) => nowMs - timeMs < memoryMs).map((past) => past.amountMinor)
        assert.equal(signals['z_score_milli'], remembered.length < 5 ? undefined : modelScore(asked, remembered))
      }),
    )
  })
})

/** The largest whole number of thousandths that still is not over |x − mean| ÷ deviation, found by halving. */
function modelScore(asked: bigint, amounts: readonly bigint[]): bigint {
  const n = BigInt(amounts.length)
  const sum = amounts.reduce((total, amount) => total + amount, 0n)
  const distance = asked * n - sum
  // n³ times the variance, as a sum of squares.
  const spread = amounts.reduce((total, amount) => total + (n * amount - sum) ** 2n, 0n)
  const fits = (milli: bigint) => milli ** 2n * spread <= 1_000_000n * distance ** 2n * n
  if (distance === 0n) return 0n
  let [low, high] = [0n, 1_000_001n]
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (fits(middle)) low = middle
    else high = middle
  }
  return distance < 0n ? -low : low
}
