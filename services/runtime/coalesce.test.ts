import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Coalescer, OverloadedError } from './coalesce.js'

/** A coalescer that doubles numbers, with its groups and with a hand on when they are answered. */
function doubling(options: { itemsMax?: number; queueMax?: number; inFlightMax?: number } = {}) {
  const groups: number[][] = []
  const answers: (() => void)[] = []
  const coalescer = new Coalescer<number, number>({
    itemsMax: 100,
    queueMax: 1000,
    inFlightMax: 1,
    ...options,
    flush: async (items) => {
      groups.push(items)
      await new Promise<void>((resolve) => answers.push(resolve))
      return items.map((item) => item * 2)
    },
  })
  return { coalescer, groups, answer: () => answers.shift()?.() }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('Coalescer', () => {
  it('sends together what is asked in one turn, and answers each its own', async () => {
    const { coalescer, groups, answer } = doubling()
    const results = [1, 2, 3].map((item) => coalescer.add(item))
    await turn()
    assert.deepEqual(groups, [[1, 2, 3]])
    answer()
    assert.deepEqual(await Promise.all(results), [2, 4, 6])
  })

  it('gathers while a group is in flight, and sends as soon as it is answered', async () => {
    const { coalescer, groups, answer } = doubling()
    const first = coalescer.add(1)
    await turn()
    const later = [2, 3].map((item) => coalescer.add(item))
    await turn()
    assert.deepEqual(groups, [[1]])
    answer()
    await first
    await turn()
    assert.deepEqual(groups, [[1], [2, 3]])
    answer()
    assert.deepEqual(await Promise.all(later), [4, 6])
  })

  it('keeps to its bounds', async () => {
    const { coalescer, groups, answer } = doubling({ itemsMax: 2, inFlightMax: 2, queueMax: 5 })
    const added = [1, 2, 3, 4, 5].map((item) => coalescer.add(item))
    await assert.rejects(coalescer.add(6), OverloadedError)
    await turn()
    assert.deepEqual(groups, [
      [1, 2],
      [3, 4],
    ])
    assert.equal(coalescer.queued, 1)
    for (let round = 0; round < 3; round += 1) {
      answer()
      await turn()
      await turn()
    }
    assert.deepEqual(await Promise.all(added), [2, 4, 6, 8, 10])
  })

  it('rejects each item of a group that fails, and goes on', async () => {
    let fail = true
    const flush = (items: number[]) => (fail ? Promise.reject(new Error('down')) : Promise.resolve(items))
    const coalescer = new Coalescer<number, number>({ flush, itemsMax: 10, queueMax: 10, inFlightMax: 1 })
    const outcomes = await Promise.allSettled([coalescer.add(1), coalescer.add(2)])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    fail = false
    assert.equal(await coalescer.add(3), 3)
  })

  it('rejects when the answers are not one an item', async () => {
    const flush = () => Promise.resolve([1])
    const coalescer = new Coalescer<number, number>({ flush, itemsMax: 10, queueMax: 10, inFlightMax: 1 })
    const outcomes = await Promise.allSettled([coalescer.add(1), coalescer.add(2)])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
  })

  it('answers everything once and in order, whatever the bounds', async () => {
    const bounds = fc.record({ itemsMax: fc.integer({ min: 1, max: 7 }), inFlightMax: fc.integer({ min: 1, max: 3 }) })
    const property = fc.asyncProperty(bounds, fc.array(fc.boolean(), { maxLength: 60 }), async (options, pauses) => {
      const flushed: number[] = []
      const flush = async (items: number[]) => {
        flushed.push(...items)
        await turn()
        return items
      }
      const coalescer = new Coalescer<number, number>({ ...options, queueMax: 1000, flush })
      const added: Promise<number>[] = []
      for (const [item, pause] of pauses.entries()) {
        added.push(coalescer.add(item))
        if (pause) await turn()
      }
      assert.deepEqual(await Promise.all(added), [...pauses.keys()])
      assert.deepEqual(flushed, [...pauses.keys()])
    })
    await fc.assert(property, { numRuns: 50 })
  })
})
