import assert from 'node:assert/strict'
import {
  IntentServiceService,
  ListIntentsRequest,
  type ListIntentsResponse,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent } from '../test/shared-mesh.js'

describe('ListIntents', () => {
  const ann: As = { user: 'list-ann' }
  const ben: As = { user: 'list-ben' }
  let intent: TestIntent
  let purse: Wallet
  let savings: Wallet
  let shop: Wallet
  /** Oldest first: two fundings, a transfer within Ann's own, three payments to Ben, one of them rejected. */
  let made: Intent[]

  before(async function () {
    this.timeout(60_000)
    intent = await sharedIntent()
    purse = await intent.wallet('list-ann')
    savings = await intent.wallet('list-ann')
    shop = await intent.wallet('list-ben')
    made = [await intent.fund(purse.name, 100_000n), await intent.fund(savings.name, 100_000n)]
    const pay = async (from: Wallet, to: Wallet, minor: bigint) => {
      made.push((await intent.pay('list-ann', paymentRequest(from, to, minor))).message)
    }
    await pay(purse, savings, 1_000n)
    await pay(purse, shop, 2_000n)
    await pay(savings, shop, 3_000n)
    await pay(purse, shop, 4_000_000_000n)
  })

  async function list(change: Partial<ListIntentsRequest>, as: As = ann): Promise<ListIntentsResponse> {
    return (await intent.call(IntentServiceService.listIntents, ListIntentsRequest.fromPartial(change), as)).message
  }

  /** Which of `made` a list has, as it has them. */
  function indexes({ intents }: ListIntentsResponse): number[] {
    return intents.map(({ name }) => made.findIndex((each) => each.name === name)).filter((index) => index >= 0)
  }

  it("has the caller's, newest first, each once", async () => {
    const page = await list({})
    assert.deepEqual(indexes(page), [5, 4, 3, 2, 1, 0])
    // Of the fundings Ann is the payee only.
    const seen = made.map((each) =>
      each.operationType === 'WALLET_FUNDING' ? { ...each, payerTotal: undefined } : each,
    )
    assert.deepEqual(page.intents, seen.reverse())
    assert.equal(page.nextPageToken, '')
    // What Ann could not pay is hers alone to know.
    assert.deepEqual(indexes(await list({}, ben)), [4, 3])
    assert.deepEqual((await list({}, { user: 'list-eve' })).intents, [])
  })

  it("has everybody's for operators", async () => {
    assert.deepEqual(indexes(await list({ pageSize: 1000 }, operator)), [5, 4, 3, 2, 1, 0])
  })

  const filters: [string, () => Partial<ListIntentsRequest>, As, number[]][] = [
    ['state', () => ({ state: IntentState.REJECTED }), ann, [5]],
    ['operation type', () => ({ operationType: 'WALLET_FUNDING' }), ann, [1, 0]],
    ['own wallet', () => ({ wallet: savings.name }), ann, [4, 2, 1]],
    ["somebody else's wallet", () => ({ wallet: shop.name }), ann, [5, 4, 3]],
    ["somebody else's wallet, seen by its owner", () => ({ wallet: shop.name }), ben, [4, 3]],
    ["a payer's wallet, seen by a payee", () => ({ wallet: savings.name }), ben, [4]],
    ['wallet, for operators', () => ({ wallet: savings.name }), operator, [4, 2, 1]],
    [
      'all at once',
      () => ({ wallet: shop.name, state: IntentState.SETTLED, operationType: 'P2P_TRANSFER' }),
      ann,
      [4, 3],
    ],
    ['a type that is not', () => ({ operationType: 'QP_TOPUP' }), ann, []],
  ]
  for (const [name, filter, as, expected] of filters) {
    it(`filters by ${name}`, async () => {
      assert.deepEqual(indexes(await list(filter(), as)), expected)
    })

    it(`pages through the same, by ${name}`, async () => {
      const found: number[] = []
      let pageToken = ''
      do {
        const page = await list({ ...filter(), pageSize: 2, pageToken }, as)
        assert.ok(page.intents.length <= 2)
        found.push(...indexes(page))
        pageToken = page.nextPageToken
      } while (pageToken !== '')
      assert.deepEqual(found, expected)
    })
  }

  it('has fewer on a page when they are large, and loses none', async function () {
    this.timeout(60_000)
    const from = await intent.wallet('list-fay')
    const metadata = { note: '\u0001'.repeat(4_000) }
    const count = 170
    for (let sent = 0; sent < count; sent++) await intent.pay('list-fay', paymentRequest(from, shop, 1n, { metadata }))
    const fay: As = { user: 'list-fay' }
    const first = await list({ pageSize: 1000 }, fay)
    assert.ok(first.intents.length < count)
    // What the edge lets through.
    assert.ok(JSON.stringify(first.intents.map((each) => each.metadata)).length < 4_194_304)
    const second = await list({ pageSize: 1000, pageToken: first.nextPageToken }, fay)
    assert.equal(second.nextPageToken, '')
    assert.equal(new Set([...first.intents, ...second.intents].map(({ name }) => name)).size, count)
  })

  it('refuses what is malformed, all of it at once', async () => {
    const fields = ['page_size', 'page_token', 'wallet', 'operation_type', 'state']
    const wrong = { pageSize: -1, pageToken: 'x', wallet: 'w', operationType: 'a b', state: 99 as IntentState }
    await assertFails(list(wrong), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
    await assertFails(list({ pageSize: 1001 }), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['page_size'],
    })
  })

  it("refuses another list's page token", async () => {
    const { nextPageToken: pageToken } = await list({ pageSize: 1 })
    assert.notEqual(pageToken, '')
    const failure = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['page_token'] } as const
    await assertFails(list({ pageSize: 1, pageToken, wallet: purse.name }), failure)
    await assertFails(list({ pageSize: 1, pageToken }, ben), failure)
  })
})
