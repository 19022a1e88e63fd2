import assert from 'node:assert/strict'
import { type ListWalletsResponse, WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent } from '../test/shared-mesh.js'

describe('ListWallets', () => {
  const ann: As = { user: 'listw-ann' }
  let intent: TestIntent
  let made: Wallet[]

  before(async function () {
    this.timeout(60_000)
    intent = await sharedIntent()
    made = []
    for (const minor of [0n, 10n, 20n, 0n, 30n]) {
      const wallet = await intent.wallet('listw-ann', minor)
      made.push({ ...wallet, available: { assetCode: 'THB', minorUnits: minor } })
    }
    // Ids of the same millisecond are in no order.
    made.sort((a, b) => (a.name < b.name ? -1 : 1))
  })

  async function list(pageSize = 0, pageToken = '', as: As = ann): Promise<ListWalletsResponse> {
    return (await intent.call(WalletServiceService.listWallets, { pageSize, pageToken }, as)).message
  }

  it("has the caller's with their balances, oldest first", async () => {
    assert.deepEqual(await list(), { wallets: made, nextPageToken: '' })
    assert.deepEqual(await list(0, '', { user: 'listw-eve' }), { wallets: [], nextPageToken: '' })
  })

  it('pages', async () => {
    const found: Wallet[] = []
    let pageToken = ''
    do {
      const page = await list(2, pageToken)
      found.push(...page.wallets)
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    assert.deepEqual(found, made)
  })

  it("has everybody's for operators", async () => {
    const { wallets } = await list(1000, '', operator)
    const names = new Set(wallets.map(({ name }) => name))
    assert.ok(made.every(({ name }) => names.has(name)))
    assert.ok(new Set(wallets.map(({ owner }) => owner)).size >= 1)
  })

  it('refuses what is malformed', async () => {
    const fields = ['page_size', 'page_token']
    await assertFails(list(1001, 'x'), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
    const { nextPageToken } = await list(1)
    await assertFails(list(1, nextPageToken, { user: 'listw-eve' }), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['page_token'],
    })
  })
})
