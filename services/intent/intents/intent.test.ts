import assert from 'node:assert/strict'
import {
  approved,
  approvedMs,
  authorized,
  type Intent,
  type IntentState,
  isFinal,
  isResting,
  newIntent,
  reachedMs,
  rejected,
  released,
  settled,
  settledMinor,
} from './intent.js'
import { exampleDecision, exampleIntent, exampleOrder, plain, startMs } from '../test/example-intent.js'

const failure = { reason: 'INSUFFICIENT_FUNDS', message: 'Not enough.' }
const key = { creator: 'users/ann', requestId: 'r', requestHash: Buffer.alloc(32) }
const id = '0190b000-0000-7000-8000-000000000000'
const draft = { id, order: exampleOrder(), key, decision: exampleDecision(), ...plain }

const statesOf = (intent: Intent) => intent.changes.map((change) => change.state)

describe('an intent', () => {
  it('is VALIDATED when it may happen', () => {
    const intent = newIntent(draft, startMs)
    assert.deepEqual(intent.status, { state: 'VALIDATED' })
    assert.deepEqual(statesOf(intent), ['CREATED', 'VALIDATED'])
    assert.equal(intent.version, 1)
    assert.equal(isFinal(intent), false)
  })

  it('is REJECTED at once when it may not', () => {
    const intent = newIntent({ ...draft, refusal: failure, needsReview: true }, startMs)
    assert.deepEqual(intent.status, { state: 'REJECTED', failure })
    assert.equal(reachedMs(intent, 'VALIDATED'), undefined)
    assert.equal(isFinal(intent), true)
  })

  it('is IN_REVIEW when a person has to say, and VALIDATED again afterwards', () => {
    const intent = newIntent({ ...draft, needsReview: true }, startMs)
    assert.deepEqual(statesOf(intent), ['CREATED', 'VALIDATED', 'IN_REVIEW'])
    assert.deepEqual([isResting(intent), isFinal(intent)], [true, false])
    const after = approved(intent, startMs + 9)
    assert.deepEqual(statesOf(after), ['CREATED', 'VALIDATED', 'IN_REVIEW', 'VALIDATED'])
    assert.deepEqual([reachedMs(after, 'VALIDATED'), approvedMs(after)], [startMs, startMs + 9])
  })

  it('passes AUTHORIZED on its way to SETTLED, in one write', () => {
    const intent = settled(exampleIntent(), startMs + 5)
    assert.deepEqual(statesOf(intent), ['CREATED', 'VALIDATED', 'AUTHORIZED', 'SETTLED'])
    assert.equal(reachedMs(intent, 'SETTLED'), startMs + 5)
    assert.equal(intent.version, 2)
    assert.equal(isFinal(intent), true)
  })

  it('that is held rests in AUTHORIZED until something is wanted of the hold', () => {
    const held = authorized(newIntent({ ...draft, order: exampleOrder({ holdSeconds: 60 }) }, startMs), startMs)
    assert.equal(held.holdExpireMs, startMs + 60_000)
    assert.equal(isResting(held), true)
    assert.equal(isResting({ ...held, captureMinor: 1n }), false)
    assert.equal(isResting({ ...held, release: { kind: 'CANCEL' } }), false)
    assert.equal(settledMinor(held), undefined)
    assert.equal(settledMinor(settled({ ...held, captureMinor: 4_000n }, startMs)), 4_000n)
  })

  it('says why its hold was released', () => {
    const held = exampleIntent({ status: { state: 'AUTHORIZED' } })
    assert.deepEqual(released(held, { kind: 'CANCEL' }, startMs).status, { state: 'CANCELLED' })
    assert.deepEqual(released(held, { kind: 'EXPIRE' }, startMs).status, { state: 'EXPIRED' })
    assert.deepEqual(released(held, { kind: 'FAIL', failure }, startMs).status, { state: 'FAILED', failure })
  })

  // The table of the specification: for each state, which moves are legal.
  const legal: Readonly<Record<IntentState, readonly string[]>> = {
    CREATED: ['approve', 'reject'],
    VALIDATED: ['authorize', 'settle', 'reject'],
    IN_REVIEW: ['approve', 'reject'],
    AUTHORIZED: ['settle', 'cancel', 'expire', 'fail'],
    SETTLED: [],
    REJECTED: [],
    FAILED: [],
    CANCELLED: [],
    EXPIRED: [],
  }
  const moves: Readonly<Record<string, (intent: Intent) => Intent>> = {
    approve: (intent) => approved(intent, startMs),
    authorize: (intent) => authorized(intent, startMs),
    settle: (intent) => settled(intent, startMs),
    reject: (intent) => rejected(intent, failure, startMs),
    cancel: (intent) => released(intent, { kind: 'CANCEL' }, startMs),
    expire: (intent) => released(intent, { kind: 'EXPIRE' }, startMs),
    fail: (intent) => released(intent, { kind: 'FAIL', failure }, startMs),
  }

  for (const [state, names] of Object.entries(legal)) {
    it(`in ${state} moves in no other way than ${names.join(', ') || 'none'}`, () => {
      for (const [name, move] of Object.entries(moves)) {
        const intent = exampleIntent({ status: { state, failure } as Intent['status'] })
        if (names.includes(name)) assert.equal(move(intent).version, intent.version + 1)
        else assert.throws(() => move(intent), `${state} ${name}`)
      }
    })
  }
})
