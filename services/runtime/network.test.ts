import assert from 'node:assert/strict'
import { networkFrom, networkList } from './network.js'

describe('a network', () => {
  it('is read strictly', () => {
    assert.deepEqual(networkFrom('10.1.0.0/16'), { address: '10.1.0.0', prefix: 16 })
    assert.deepEqual(networkFrom('::1/128'), { address: '::1', prefix: 128 })
    for (const text of [
      '',
      '10.1.0.0',
      '10.1.0.0/33',
      '10.1/16',
      '::1/129',
      'localhost/8',
      '10.0.0.0/-1',
      '1.1.1.1/8 ',
    ]) {
      assert.equal(networkFrom(text), undefined, text)
    }
  })

  it('holds the addresses of its prefix, also when IPv4 is written as IPv6', () => {
    const list = networkList([
      { address: '192.0.2.0', prefix: 24 },
      { address: '2001:db8:1::', prefix: 48 },
    ])
    const holds = (address: string) => list.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
    assert.deepEqual(['192.0.2.0', '192.0.2.255', '::ffff:192.0.2.7', '2001:db8:1:ffff::1'].map(holds), [
      true,
      true,
      true,
      true,
    ])
    assert.deepEqual(['192.0.3.0', '::ffff:192.0.3.1', '2001:db8:2::'].map(holds), [false, false, false])
  })
})
