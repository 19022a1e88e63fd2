import assert from 'node:assert/strict'
import { chainDigest, type ChainOrder, chainTransfers, legIds, legIndex } from './chain.js'

const leg = { debitAccountId: 1n, creditAccountId: 2n, amount: 3n, ledger: 4, code: 5 }
const order: ChainOrder = {
  caller: 'peers/intent',
  requestId: '7d444840-9dc0-11d1-b245-5ffdce74fad2',
  subject: 6n,
  legs: [leg, leg, leg],
}

describe('a chain by name', () => {
  it('links all legs but the last, under ids that follow from the request', () => {
    const transfers = chainTransfers('paymesh', order)
    assert.deepEqual(
      transfers.map(({ flags }) => flags),
      [1, 1, 0],
    )
    const ids = legIds('paymesh', order, 253)
    assert.deepEqual(
      transfers.map(({ id }) => id),
      ids.slice(0, 3),
    )
    assert.deepEqual(
      ids.map(legIndex),
      Array.from({ length: 253 }, (_, index) => index),
    )
  })

  it('has ids of its own for each caller, request and namespace', () => {
    const first = (namespace: string, other: Partial<ChainOrder>) => legIds(namespace, { ...order, ...other }, 1)[0]
    const requestId = '7d444840-9dc0-11d1-b245-5ffdce74fad3'
    const ids = [
      first('paymesh', {}),
      first('other', {}),
      first('paymesh', { caller: 'peers/operator' }),
      first('paymesh', { requestId }),
    ]
    assert.equal(new Set(ids).size, ids.length)
  })

  it('has another digest when anything of it differs', () => {
    const changes: Partial<ChainOrder>[] = [
      { subject: 7n },
      { legs: [leg, leg] },
      ...Object.keys(leg).map((field) => ({ legs: [leg, leg, { ...leg, [field]: 99n }] })),
    ]
    const digests = [order, ...changes.map((change) => ({ ...order, ...change }))].map(chainDigest)
    assert.equal(new Set(digests).size, digests.length)
    const reordered = { code: 5, ledger: 4, amount: 3n, creditAccountId: 2n, debitAccountId: 1n }
    assert.equal(chainDigest({ ...order, legs: [reordered, leg, leg] }), chainDigest(order))
  })
})
