import assert from 'node:assert/strict'
import { networkOf } from './client-network.js'

describe('networkOf', () => {
  const cases: [string, string | undefined][] = [
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:192.0.2.7', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['', undefined],
    ['localhost', undefined],
    ['192.0.2.7, 198.51.100.1', undefined],
  ]
  for (const [address, network] of cases) {
    it(`of "${address}" is ${network ?? 'none'}`, () => {
      assert.equal(networkOf(address), network)
    })
  }
})
