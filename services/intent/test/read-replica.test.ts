import assert from 'node:assert/strict'
import { freePort, testDatabase } from '../../../dev/testing.js'
import {
  GetTotalsRequest,
  IntentAdminServiceService,
  SearchIntentsRequest,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { IntentServiceService, ListIntentsRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { operator } from './raw-client.js'
import { type TestIntent } from './test-intent.js'
import { sharedIntent, sharedMesh } from './shared-mesh.js'

const ann = { user: 'replica-ann' } as const

describe('an Intent with a replica', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let purse: Wallet
  let names: string[]

  before(async () => {
    mesh = await sharedMesh()
    intent = await sharedIntent()
    purse = await intent.wallet(ann.user, 1_000_000n)
    const shop = await intent.wallet('replica-ben')
    const made: string[] = []
    for (let index = 0; index < 4; index++) {
      const { message } = await intent.pay(ann.user, paymentRequest(purse, shop, 1_000n))
      made.unshift(message.name)
    }
    names = made
  })

  async function list(at: TestIntent, pageToken = '') {
    const request = ListIntentsRequest.fromPartial({
      wallet: purse.name,
      operationType: 'P2P_TRANSFER',
      pageSize: 2,
      pageToken,
    })
    const { message } = await at.call(IntentServiceService.listIntents, request, ann)
    return { names: message.intents.map(({ name }) => name), nextPageToken: message.nextPageToken }
  }

  it('reads lists and sums there, and what is asked for by name from the primary', async () => {
    // A replica that is far behind: it has no intents yet.
    const behind = await mesh.startIntent({ readDatabaseUrl: await testDatabase('intent') })
    assert.deepEqual(await list(behind), { names: [], nextPageToken: '' })
    const search = SearchIntentsRequest.fromPartial({ wallet: purse.name })
    const found = await behind.call(IntentAdminServiceService.searchIntents, search, operator)
    assert.deepEqual(found.message.intents, [])
    const now = BigInt(Math.floor(Date.now() / 1000))
    const period = { startTime: { seconds: now - 3_600n }, endTime: { seconds: now + 60n } }
    const totals = GetTotalsRequest.fromPartial(period)
    const { message } = await behind.call(IntentAdminServiceService.getTotals, totals, operator)
    assert.deepEqual(message.totals, [])
    assert.equal((await behind.intent(names[0]!)).name, names[0])
    await behind.stop()
  })

  it('lists from the primary when it is unreachable, and page tokens go on', async () => {
    const first = await list(intent)
    assert.deepEqual(first.names, names.slice(0, 2))
    const readDatabaseUrl = `postgres://nobody@127.0.0.1:${await freePort()}/none`
    const alone = await mesh.startIntent({ readDatabaseUrl })
    assert.deepEqual(await list(alone, first.nextPageToken), { names: names.slice(2), nextPageToken: '' })
    await alone.stop()
  })
})
