import assert from 'node:assert/strict'
import {
  chainDigest,
  type ChainOrder,
  chainTransfers,
  legIds,
  legIndex,
  type Resolution,
  resolutionTransfers,
} from './chain.js'

const leg = { debitAccountId: 1n, creditAccountId: 2n, amount: 3n, ledger: 4, code: 5 }
const order: ChainOrder = {
  caller: 'peers/intent',
  requestId: '7d444840-9dc0-11d1-b245-5ffdce74fad2',
  subject: 6n,
  hold: undefined,
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
      { hold: { timeoutSeconds: 0 } },
      { hold: { timeoutSeconds: 1 } },
      { legs: [leg, leg] },
      ...Object.keys(leg).map((field) => ({ legs: [leg, leg, { ...leg, [field]: 99n }] })),
    ]
    const digests = [order, ...changes.map((change) => ({ ...order, ...change }))].map(chainDigest)
    assert.equal(new Set(digests).size, digests.length)
    const reordered = { code: 5, ledger: 4, amount: 3n, creditAccountId: 2n, debitAccountId: 1n }
    assert.equal(chainDigest({ ...order, legs: [reordered, leg, leg] }), chainDigest(order))
  })

  it('resolves a hold leg by leg, with another digest for each way to do it', () => {
    const held = chainTransfers('paymesh', { ...order, hold: { timeoutSeconds: 5 } })
    const key = { caller: 'peers/intent', requestId: '7d444840-9dc0-11d1-b245-5ffdce74fad9' }
    const resolve = (resolution: Resolution) => resolutionTransfers('paymesh', { ...key, held, resolution })
    const posted = resolve({ kind: 'post', amounts: [3n, 1n, 0n] })
    assert.deepEqual(
      posted.map(({ amount, pendingId, flags }) => ({ amount, pendingId, flags })),
      [
        { amount: 3n, pendingId: held[0]!.id, flags: 5 },
        { amount: 1n, pendingId: held[1]!.id, flags: 5 },
        { amount: 0n, pendingId: held[2]!.id, flags: 4 },
      ],
    )
    const whole = resolve({ kind: 'post', amounts: [3n, 3n, 3n] })
    const voided = resolve({ kind: 'void' })
    assert.deepEqual(
      voided.map(({ amount, flags }) => ({ amount, flags })),
      [9, 9, 8].map((flags) => ({ amount: 3n, flags })),
    )
    assert.equal(new Set([posted, whole, voided].map(([first]) => first!.userData64)).size, 3)
  })
})
