import assert from 'node:assert/strict'
import { orderHash } from './request-hash.js'
import { exampleOrder, payerWallet } from '../test/example-intent.js'

describe('the request hash', () => {
  const hash = (change: Parameters<typeof exampleOrder>[0] = {}, rpc = 'CreateIntent') =>
    orderHash(rpc, exampleOrder(change)).toString('hex')

  it('is stored for ever, so it never changes', () => {
    const metadata = { note: 'lunch', 'a b': '"' }
    assert.equal(hash({ metadata }), 'b82f83c8d4dc74f0763045dbea69f7fea4471f70d13c7ad0e126e17cc2fdfac6')
  })

  it('does not depend on the order of metadata', () => {
    assert.equal(hash({ metadata: { a: '1', b: '2' } }), hash({ metadata: { b: '2', a: '1' } }))
  })

  it('tells every difference', () => {
    const hashes = [
      hash(),
      hash({}, 'FundWallet'),
      hash({ operationType: 'MERCHANT_CHARGE' }),
      hash({ payee: { kind: 'wallet', walletId: payerWallet } }),
      hash({ payee: { kind: 'account', account: payerWallet } }),
      hash({ payee: { kind: 'external', external: { kind: 'BANK_ACCOUNT', bankCode: '004', accountNumber: '1' } } }),
      hash({ payee: { kind: 'external', external: { kind: 'BANK_ACCOUNT', bankCode: '00', accountNumber: '41' } } }),
      hash({ payee: { kind: 'external', external: { kind: 'ACCOUNT', accountNumber: '1' } } }),
      hash({ assetCode: 'USD' }),
      hash({ amountMinor: 10_001n }),
      hash({ metadata: { note: '' } }),
      hash({ metadata: { a: 'b', c: 'd' } }),
      hash({ metadata: { a: 'b,c', d: '' } }),
    ]
    assert.equal(new Set(hashes).size, hashes.length)
  })
})
