import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import {
  CreateWalletRequest,
  UpdateWalletRequest,
  WalletServiceService,
} from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { type TestMesh } from '../test/mesh.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent, sharedMesh } from '../test/shared-mesh.js'
import { walletsMax } from '../wallets/wallet.js'

const unknown = 'wallets/0190a000-0000-7000-8000-00000000dead'
const ann: As = { user: 'update-ann' }

describe('UpdateWallet', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let wallet: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await sharedMesh()
    intent = await sharedIntent()
  })
  beforeEach(async () => {
    wallet = await intent.wallet('update-ann')
  })

  async function update(change: Partial<Wallet>, mask?: string[], as: As = ann): Promise<Wallet> {
    const request = UpdateWalletRequest.fromPartial({ wallet: { name: wallet.name, ...change } })
    const updateMask = mask && [...mask]
    return (await intent.call(WalletServiceService.updateWallet, { ...request, updateMask }, as)).message.wallet!
  }

  async function get(): Promise<Wallet> {
    return (await intent.call(WalletServiceService.getWallet, { name: wallet.name }, ann)).message.wallet!
  }

  it('changes what the mask names, and tells every replica at once', async () => {
    const labels = { purpose: 'rent' }
    const renamed = await update({ displayName: 'Home', labels }, ['display_name'])
    assert.deepEqual(renamed, { ...wallet, displayName: 'Home', etag: '"2"' })
    assert.deepEqual(await get(), renamed)
    const labelled = await update({ displayName: 'Else', labels }, ['labels', 'name', 'etag'])
    assert.deepEqual(labelled, { ...renamed, labels, etag: '"3"' })
    const other = await mesh.startIntent()
    const { message } = await other.call(WalletServiceService.getWallet, { name: wallet.name }, operator)
    assert.deepEqual(message.wallet, labelled)
    await other.stop()
    assert.deepEqual((await update({ displayName: 'Flat' })).labels, labels, 'no mask means what has a value')
    assert.deepEqual((await update({})).etag, '"4"')
    assert.deepEqual((await update({ displayName: 'x' }, ['name'])).etag, '"4"', 'a mask of nothing changes nothing')
    assert.deepEqual(await update({}, ['*']), { ...wallet, etag: '"5"' }, 'all that may change')
  })

  it('with an etag changes only what was read', async () => {
    const { etag } = wallet
    const calls = Array.from({ length: 8 }, (_, index) => update({ displayName: `name ${index}`, etag }))
    const results = await Promise.allSettled(calls)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await get()).etag, '"2"')
  })

  it('fails, in this order', async () => {
    const wrong = { name: 'x', displayName: 'x'.repeat(64), labels: { '': 'x' } }
    await assertFails(update(wrong, [], operator), { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' })
    await assertFails(update(wrong, [], { anonymous: true }), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
    await assertFails(update(wrong, [], { user: 'update-ann', permissions: ['wallet:read'] }), {
      reason: 'PERMISSION_MISSING',
      code: 'PERMISSION_DENIED',
    })
    const invalid = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT' } as const
    const fields = ['wallet.name', 'wallet.display_name', 'wallet.labels', 'update_mask']
    await assertFails(update(wrong, ['owner']), { ...invalid, fields })
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, '']))
    for (const labels of [many, { ['k'.repeat(64)]: '' }, { k: 'v'.repeat(256) }, { k: '\u0000' }]) {
      await assertFails(update({ labels }), { ...invalid, fields: ['wallet.labels'] })
    }
    const notFound = { reason: 'WALLET_NOT_FOUND', code: 'NOT_FOUND', metadata: { wallet: unknown } } as const
    await assertFails(update({ name: unknown, etag: 'x' }), notFound)
    const eve = update({ etag: 'x' }, [], { user: 'update-eve' })
    await assertFails(eve, { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    for (const [etag, mask] of [
      ['x', []],
      ['"2"', []],
      ['"2"', ['name']],
    ] as const) {
      const changed = { reason: 'WALLET_CHANGED', code: 'ABORTED', metadata: { wallet: wallet.name } } as const
      await assertFails(update({ etag }, [...mask]), changed)
    }
  })

  it('labels may be given at creation, and are part of the request', async () => {
    const requestId = randomUUID()
    const create = async (labels: Record<string, string>) => {
      const request = CreateWalletRequest.fromPartial({ requestId, wallet: { assetCode: 'THB', labels } })
      return (await intent.call(WalletServiceService.createWallet, request, ann)).message.wallet!
    }
    const made = await create({ b: '2', a: '1' })
    assert.deepEqual(made.labels, { a: '1', b: '2' })
    assert.deepEqual(await create({ a: '1', b: '2' }), made)
    await assertFails(create({ a: '1' }), { reason: 'REQUEST_ID_REUSED', code: 'ALREADY_EXISTS' })
  })

  it('a page of wallets with large labels is shorter', async () => {
    const labels = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, 'é'.repeat(255)]))
    await mesh.pool.query(
      `insert into wallets (id, creator, request_id, request_hash, owner, asset_code, display_name, labels, create_time, open_time)
       select gen_random_uuid(), 'users/update-fay', n::text, '', 'users/update-fay', 'THB', '', $1, now(), now()
       from generate_series(1, 99) n`,
      [JSON.stringify(labels)],
    )
    const list = async (pageToken: string) =>
      (await intent.call(WalletServiceService.listWallets, { pageSize: 1000, pageToken }, { user: 'update-fay' }))
        .message
    const first = await list('')
    assert.ok(first.wallets.length < 99 && first.nextPageToken !== '')
    assert.equal(first.wallets.length + (await list(first.nextPageToken)).wallets.length, 99)
    // Nor may they shorten the pages of other tests.
    await mesh.pool.query(`delete from wallets where owner = 'users/update-fay'`)
  })

  it('a user has a bounded number of wallets in an asset, however many are asked for at once', async () => {
    await mesh.pool.query(
      `insert into wallets (id, creator, request_id, request_hash, owner, asset_code, display_name, create_time, open_time)
       select gen_random_uuid(), 'users/update-gus', n::text, '', 'users/update-gus', 'THB', '', now(), now()
       from generate_series(1, $1) n`,
      [walletsMax - 2],
    )
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => intent.wallet('update-gus')))
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 2)
    await assertFails(intent.wallet('update-gus'), {
      reason: 'TOO_MANY_WALLETS',
      code: 'FAILED_PRECONDITION',
      metadata: { asset_code: 'THB', most: String(walletsMax) },
    })
    await intent.wallet('update-gus', 0n, 'USD')
    const fulfilled = results.find(({ status }) => status === 'fulfilled') as PromiseFulfilledResult<Wallet>
    await intent.call(WalletServiceService.closeWallet, { name: fulfilled.value.name }, { user: 'update-gus' })
    await intent.wallet('update-gus')
  })
})
