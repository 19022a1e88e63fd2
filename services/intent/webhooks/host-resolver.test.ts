import assert from 'node:assert/strict'
import { type NameServers, resolveHost } from './host-resolver.js'

const none = () => Promise.reject(new Error('ENODATA'))

describe('resolving a host', () => {
  const servers = (change: Partial<NameServers>): NameServers => ({ resolve4: none, resolve6: none, ...change })
  const v4 = () => Promise.resolve(['192.0.2.1', '192.0.2.2'])
  const v6 = () => Promise.resolve(['2001:db8::1'])

  it('answers every address, IPv4 first, whichever there are', async () => {
    const addresses = async (change: Partial<NameServers>) =>
      (await resolveHost(servers(change), 'example.com')).map(({ address }) => address)
    assert.deepEqual(await addresses({ resolve4: v4, resolve6: v6 }), ['192.0.2.1', '192.0.2.2', '2001:db8::1'])
    assert.deepEqual(await addresses({ resolve4: v4 }), ['192.0.2.1', '192.0.2.2'])
    assert.deepEqual(await addresses({ resolve6: v6 }), ['2001:db8::1'])
    assert.deepEqual(await addresses({}), [])
  })

  it('asks nobody where localhost is', async () => {
    const asked = () => Promise.reject(new assert.AssertionError({ message: 'asked' }))
    assert.deepEqual(await resolveHost({ resolve4: asked, resolve6: asked }, 'localhost'), [{ address: '127.0.0.1' }])
  })
})
