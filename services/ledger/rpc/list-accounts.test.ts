import assert from 'node:assert/strict'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import {
  CreateAccountRequest,
  ListAccountsRequest,
  ListAccountsResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { assertInvalid, makeNamedAccounts, TestLedger } from '../test/harness.js'

describe('AccountService.ListAccounts', () => {
  let ledger: TestLedger
  let list: (request: Partial<ListAccountsRequest>) => Promise<{ names: string[]; next: string }>
  before(async () => {
    ledger = await TestLedger.start()
    await makeNamedAccounts(
      ledger,
      ['THB', 'USD'],
      [
        { id: 'c', asset: 'THB', kind: AccountKind.FEE },
        { id: 'a', asset: 'USD', kind: AccountKind.FEE },
        { id: 'b', asset: 'THB', kind: AccountKind.WALLET },
      ],
    )
    const service = await ledger.accounts()
    const account = { assetCode: 'THB', kind: AccountKind.WALLET, owner: 'wallets/1' }
    await service.createAccount(CreateAccountRequest.fromPartial({ accountId: 'owned', account }))
    list = async (request) => {
      const { accounts, nextPageToken } = await service.listAccounts(ListAccountsRequest.fromPartial(request))
      return { names: accounts.map(({ name }) => name.slice('accounts/'.length)), next: nextPageToken }
    }
  })
  after(() => ledger.stop())

  it('lists oldest first, page by page', async () => {
    assert.deepEqual(await list({}), { names: ['c', 'a', 'b', 'owned'], next: '' })
    const first = await list({ pageSize: 3 })
    assert.deepEqual(first.names, ['c', 'a', 'b'])
    assert.deepEqual(await list({ pageSize: 3, pageToken: first.next }), { names: ['owned'], next: '' })
  })

  it('keeps to its filters', async () => {
    assert.deepEqual((await list({ assetCode: 'THB' })).names, ['c', 'b', 'owned'])
    assert.deepEqual((await list({ kind: AccountKind.FEE })).names, ['c', 'a'])
    assert.deepEqual((await list({ owner: 'wallets/1' })).names, ['owned'])
    assert.deepEqual((await list({ kind: AccountKind.FEE, assetCode: 'THB' })).names, ['c'])
    assert.deepEqual((await list({ assetCode: 'NOPE' })).names, [])
  })

  it('has fewer on a page when their labels are large, and loses none', async () => {
    const service = await ledger.accounts()
    const labels = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, 'ก'.repeat(255)]))
    const made = Array.from({ length: 60 }, (_, index) => `large.${index}`)
    for (const accountId of made) {
      const account = { assetCode: 'THB', kind: AccountKind.FEE, owner: 'large', labels }
      await service.createAccount(CreateAccountRequest.fromPartial({ accountId, account }))
    }
    const pages: string[][] = []
    let pageToken = ''
    do {
      const request = { owner: 'large', pageSize: 1000, pageToken }
      const page = await service.listAccounts(ListAccountsRequest.fromPartial(request))
      assert.ok(ListAccountsResponse.encode(page).finish().length < 650_000)
      pages.push(page.accounts.map(({ name }) => name.slice('accounts/'.length)))
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    assert.ok(pages.length > 1 && pages.every(({ length }) => length > 0), `${pages.length} pages`)
    assert.deepEqual(pages.flat(), made)
  })

  it('refuses what is malformed, and a token of another list', async () => {
    const { next } = await list({ pageSize: 1 })
    await assertInvalid(list({ pageSize: -1 }), 'page_size')
    await assertInvalid(list({ pageSize: 1001 }), 'page_size')
    await assertInvalid(list({ pageToken: 'nonsense' }), 'page_token')
    await assertInvalid(list({ pageToken: next, assetCode: 'THB' }), 'page_token')
    await assertInvalid(list({ kind: 13 as AccountKind }), 'kind')
    await assertInvalid(list({ owner: '\0', assetCode: '\0' }), 'owner', 'asset_code')
  })
})
