import assert from 'node:assert/strict'
import { splitAddress } from './address.js'

describe('splitAddress', () => {
  const right: [string, string, number][] = [
    ['localhost:7001', 'localhost', 7001],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['[::1]:65535', '::1', 65535],
  ]
  for (const [address, host, port] of right) {
    it(`takes ${address}`, () => {
      assert.deepEqual(splitAddress(address), { host, port })
    })
  }

  for (const address of ['', 'localhost', ':7001', 'localhost:', 'localhost:65536', 'localhost:x', 'localhost:-1']) {
    it(`refuses ${JSON.stringify(address)}`, () => {
      assert.throws(() => splitAddress(address), TypeError)
    })
  }
})
