import assert from 'node:assert/strict'
import { AddressGuard } from './address-guard.js'

const refused = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.255',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:a9fe:a9fe',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '100::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  '2606:4700::1111%eth0',
  'ff02::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '3fff::1',
  'localhost',
  '',
  '127.1',
  '0x7f.1',
]
const permitted = [
  '1.1.1.1',
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.1',
  '192.167.1.1',
  '2606:4700::1111',
  '2a00:1450::1',
]

describe('the guard of addresses', () => {
  const guard = new AddressGuard([])

  for (const address of refused) {
    it(`refuses ${address === '' ? 'nothing' : address}`, () => {
      assert.equal(guard.permits(address), false)
    })
  }

  it('permits what is public', () => {
    assert.deepEqual(
      permitted.filter((address) => !guard.permits(address)),
      [],
    )
  })

  it('permits what is allowed, and only that', () => {
    const inside = new AddressGuard([
      { address: '10.1.0.0', prefix: 16 },
      { address: 'fd00::', prefix: 64 },
    ])
    assert.ok(inside.permits('10.1.2.3') && inside.permits('fd00::5') && inside.permits('1.1.1.1'))
    assert.ok(!inside.permits('10.2.0.1') && !inside.permits('fd01::5') && !inside.permits('127.0.0.1'))
  })
})
