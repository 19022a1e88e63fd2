import assert from 'node:assert/strict'
import { type Person, newPerson } from '../api.js'
import { theMesh } from '../mesh-under-test.js'
import { sendRaw } from './raw-http.js'

/** Paths as no client library would send them: byte for byte. */
describe('a path that is not written as the contracts write it', () => {
  let alice: Person
  let bob: Person

  before(async () => {
    const { api } = await theMesh()
    alice = await newPerson(api)
    bob = await newPerson(api)
  })

  async function get(path: string, person: Person | null = alice): Promise<number> {
    const { api } = await theMesh()
    const token = person === null ? '' : `authorization: Bearer ${person.api.token}\r\n`
    const { statuses } = await sendRaw(api.url, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${token}\r\n`)
    assert.equal(statuses.length, 1, `${path}: ${statuses.join()}`)
    return statuses[0]!
  }

  it('is the path that these tests vary: 200', async () => {
    assert.equal(await get(`/v1/${alice.wallet}`), 200)
  })

  const refused = (wallet: string): Record<string, readonly number[]> => ({
    [`/v1/wallets%2f${wallet}`]: [400],
    [`/v1/wallets%5c${wallet}`]: [400],
    [`/v1/wallets%2F..%2Fwallets/${wallet}`]: [400],
    [`/v1/wallets/${wallet}%00`]: [400, 404],
    [`/v1/wallets/${wallet}%0d%0ax-paymesh-claims:%20a`]: [400, 404],
    [`/v1/wallets;x=1/${wallet}`]: [404],
    [`/V1/WALLETS/${wallet}`]: [404],
    [`/v1/Wallets/${wallet}`]: [404],
    [`/v1/wallets/${wallet}/`]: [404],
    [`/v1/wallets/${wallet}/..;/admin/grants`]: [404],
    ['/v2/../../etc/passwd']: [400, 404],
    ['/paymesh.intent.v1.WalletService/GetWallet']: [404],
    ['/paymesh%2eledger%2ev1%2eTransferService/CreateTransfers']: [404],
    ['http://other.example.com/v1/nothing']: [404],
    ['*']: [400, 404],
  })
  for (const path of Object.keys(refused('{wallet}'))) {
    it(`${path} is refused`, async () => {
      const id = alice.wallet.replace('wallets/', '')
      const [real, wanted] = Object.entries(refused(id))[Object.keys(refused('{wallet}')).indexOf(path)]!
      const status = await get(real)
      assert.ok(wanted.includes(status), `${status}`)
    })
  }

  it('leads where its plain form leads, and asks the same of who comes', async () => {
    const id = (person: Person) => person.wallet.replace('wallets/', '')
    for (const dress of [
      (wallet: string) => `/v1//wallets/${wallet}`,
      (wallet: string) => `/v1/./wallets/${wallet}`,
      (wallet: string) => `/v1/admin/../wallets/${wallet}`,
      (wallet: string) => `/v1/%77allets/${wallet}`,
      (wallet: string) => `/v1/admin/%2e%2e/wallets/${wallet}`,
    ]) {
      const own = await get(dress(id(alice)))
      assert.ok([200, 400, 404].includes(own), `${dress('{own}')}: ${own}`)
      assert.ok([400, 403, 404].includes(await get(dress(id(bob)))), dress('{another’s}'))
      assert.ok([400, 401, 404].includes(await get(dress(id(alice)), null)), dress('{nobody}'))
    }
  })

  it('of an administrator is nobody’s and no user’s, however it is reached', async () => {
    for (const path of [
      '/v1/admin/grants',
      '/v1//admin/grants',
      '/v1/wallets/../admin/grants',
      '/v1/wallets/%2e%2e/admin/grants',
      '/v1/admin/./grants',
      '/v1/admin/grants?x-paymesh-claims=a',
    ]) {
      assert.ok([400, 403, 404].includes(await get(path)), path)
      assert.ok([400, 401, 404].includes(await get(path, null)), path)
    }
  })
})
