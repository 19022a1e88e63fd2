import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { Asset } from '../../../gen/paymesh/ledger/v1/asset.js'
import { assertFails, assertInvalid, TestLedger } from '../test/harness.js'

describe('LedgerAdminService.CreateAsset', () => {
  let ledger: TestLedger
  let create: (asset: Partial<Asset>) => Promise<Asset | undefined>
  before(async () => {
    ledger = await TestLedger.start()
    const admin = await ledger.admin()
    create = async (asset) => (await admin.createAsset({ asset: Asset.fromPartial(asset) })).asset
  })
  after(() => ledger.stop())

  it('defines an asset with a ledger of its own, and answers the same when asked again', async () => {
    const thb = await create({ assetCode: 'THB', scale: 2 })
    const usd = await create({ assetCode: 'USD', scale: 2 })
    assert.equal(thb?.name, 'assets/THB')
    assert.equal(thb.scale, 2)
    assert.notEqual(thb.ledger, usd?.ledger)
    assert.deepEqual(await create({ assetCode: 'THB', scale: 2 }), thb)
  })

  it('keeps a scale of zero apart from none', async () => {
    assert.equal((await create({ assetCode: 'POINTS', scale: 0 }))?.scale, 0)
  })

  it('defines an asset once when asked many times at once', async () => {
    const assets = await Promise.all(Array.from({ length: 20 }, () => create({ assetCode: 'EUR', scale: 2 })))
    assert.equal(new Set(assets.map((asset) => asset?.ledger)).size, 1)
  })

  it('refuses what is malformed, before it looks', async () => {
    await assertInvalid(create({}), 'asset.asset_code', 'asset.scale')
    for (const assetCode of ['', 'thb', 'TH-B', 'A'.repeat(17)]) {
      await assertInvalid(create({ assetCode, scale: 2 }), 'asset.asset_code')
    }
    await assertInvalid(create({ assetCode: 'THB', scale: 19 }), 'asset.scale')
    await assertInvalid(create({ assetCode: 'THB', scale: 4294967295 }), 'asset.scale')
  })

  it('refuses another scale for ever', async () => {
    await create({ assetCode: 'JPY', scale: 0 })
    const wanted = { reason: 'ASSET_EXISTS_DIFFERENT', code: status.ALREADY_EXISTS, metadata: { asset_code: 'JPY' } }
    await assertFails(create({ assetCode: 'JPY', scale: 2 }), wanted)
  })
})
