import assert from 'node:assert/strict'
import { UndecidedError } from '../engine.js'
import { transferEvent } from '../test/harness.js'
import { CallQueue, type QueuedCall } from './call-queue.js'

function call(events: number, outcomes: unknown[] = [], signal?: AbortSignal): QueuedCall {
  return {
    call: { kind: 'transfers', events: Array.from({ length: events }, () => transferEvent(1n)), withAccounts: false },
    signal,
    resolve: () => outcomes.push('resolved'),
    reject: (error) => outcomes.push(error instanceof UndecidedError ? error.reason : error),
  }
}

describe('the queue of calls', () => {
  it('gives whole calls in order, up to a number of events', () => {
    const queue = new CallQueue(1000)
    const calls = [call(3), call(4), call(2), call(9)]
    for (const one of calls) queue.add(one)
    assert.deepEqual(queue.take(8), calls.slice(0, 2))
    assert.deepEqual(queue.take(8), calls.slice(2, 3))
    assert.deepEqual(queue.take(8), calls.slice(3), 'a call that is larger than a batch is one')
    assert.ok(queue.isEmpty)
    assert.equal(queue.events, 0)
  })

  it('refuses what would be more than it may hold, and takes the next that fits', () => {
    const outcomes: unknown[] = []
    const queue = new CallQueue(10)
    queue.add(call(8, outcomes))
    queue.add(call(3, outcomes))
    queue.add(call(2, outcomes))
    queue.add(call(0, outcomes))
    assert.deepEqual(outcomes, ['overloaded', 'overloaded'])
    assert.equal(queue.take(100).length, 2)
  })

  it('passes over calls whose caller is gone', () => {
    const outcomes: unknown[] = []
    const queue = new CallQueue(10)
    queue.add(call(1, outcomes, AbortSignal.abort()))
    queue.add(call(1))
    assert.equal(queue.take(1).length, 1)
    assert.deepEqual(outcomes, ['abandoned'])
  })

  it('rejects all that waits when it is cleared', () => {
    const outcomes: unknown[] = []
    const queue = new CallQueue(5000)
    for (let count = 0; count < 3000; count++) queue.add(call(1, outcomes))
    queue.take(1500)
    queue.clear(() => new UndecidedError('not_writer'))
    assert.equal(outcomes.length, 1500)
    assert.ok(queue.isEmpty)
    queue.add(call(1))
    assert.equal(queue.events, 1)
  })
})
