import assert from 'node:assert/strict'
import { formatResourceName, parseResourceName } from './resource-name.js'

describe('resource names', () => {
  it('are taken apart by their pattern', () => {
    assert.deepEqual(
      { ...parseResourceName('users/{user}/kyc/{check}', 'users/u1/kyc/c.2') },
      { user: 'u1', check: 'c.2' },
    )
  })

  it('are put together by their pattern', () => {
    assert.equal(formatResourceName('accounts/wallet.{wallet}', { wallet: 'w-1' }), 'accounts/wallet.w-1')
    assert.throws(() => formatResourceName('wallets/{wallet}', { wallet: 'a/b' }), RangeError)
    assert.throws(() => formatResourceName('wallets/{wallet}', { wallet: '' }), RangeError)
  })

  const wrong = [
    '',
    'wallets/',
    'wallets/a/b',
    'wallets/a ',
    'Wallets/a',
    'wallets/-a',
    'wallets/a\n',
    'wallets/é',
    `wallets/${'a'.repeat(129)}`,
  ]
  for (const name of wrong) {
    it(`do not have the pattern: ${JSON.stringify(name.slice(0, 20))}`, () => {
      assert.equal(parseResourceName('wallets/{wallet}', name), undefined)
    })
  }

  it('take a dot in a pattern as a dot', () => {
    assert.equal(parseResourceName('accounts/wallet.{wallet}', 'accounts/walletx1'), undefined)
  })
})
