import assert from 'node:assert/strict'
import { ListAssetsRequest } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { assertInvalid, makeNamedAccounts, TestLedger } from '../test/harness.js'

describe('LedgerAdminService.ListAssets', () => {
  let ledger: TestLedger
  let list: (request: Partial<ListAssetsRequest>) => Promise<{ codes: string[]; next: string }>
  before(async () => {
    ledger = await TestLedger.start()
    await makeNamedAccounts(ledger, ['USD', 'THB', 'EUR'], [])
    const admin = await ledger.admin('rules')
    list = async (request) => {
      const { assets, nextPageToken } = await admin.listAssets(ListAssetsRequest.fromPartial(request))
      return { codes: assets.map(({ assetCode }) => assetCode), next: nextPageToken }
    }
  })
  after(() => ledger.stop())

  it('lists by code, page by page', async () => {
    assert.deepEqual(await list({}), { codes: ['EUR', 'THB', 'USD'], next: '' })
    const first = await list({ pageSize: 2 })
    assert.deepEqual(first.codes, ['EUR', 'THB'])
    assert.deepEqual(await list({ pageSize: 2, pageToken: first.next }), { codes: ['USD'], next: '' })
    assert.equal((await list({ pageSize: 3 })).next, '')
  })

  it('refuses what is malformed', async () => {
    await assertInvalid(list({ pageSize: -1 }), 'page_size')
    await assertInvalid(list({ pageSize: 1001, pageToken: 'nonsense' }), 'page_size', 'page_token')
  })
})
