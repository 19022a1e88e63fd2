import assert from 'node:assert/strict'
import { accountEvent } from '../test/harness.js'
import { AccountCache } from './account-cache.js'

const account = (id: bigint) => ({ ...accountEvent(id), closed: false })

describe('the account cache', () => {
  it('forgets what was not used for long, and keeps what was', () => {
    const cache = new AccountCache(4)
    for (let id = 1n; id <= 100n; id++) {
      cache.age()
      cache.set(id, account(id))
      assert.ok(cache.get(1n), 'used every time')
      assert.ok(cache.size <= 5)
    }
    assert.equal(cache.get(50n), undefined)
    assert.ok(cache.get(100n))
  })

  it('forgets nothing within a batch', () => {
    const cache = new AccountCache(2)
    for (let id = 1n; id <= 100n; id++) cache.set(id, account(id))
    for (let id = 1n; id <= 100n; id++) assert.ok(cache.get(id))
  })

  it('deletes an account wherever it is', () => {
    const cache = new AccountCache(2)
    cache.set(1n, account(1n))
    cache.age()
    cache.delete(1n)
    assert.equal(cache.get(1n), undefined)
  })
})
