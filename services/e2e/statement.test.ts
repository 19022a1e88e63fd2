import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { AccountKind } from '../../gen/paymesh/ledger/v1/account.js'
import { CreateAccountRequest, Leg, PostChainRequest } from '../../gen/paymesh/ledger/v1/account_service.js'
import { errorInfo } from './api.js'
import { type MeshUnderTest, theMesh } from './mesh-under-test.js'

const LEGS = 253
const CHAINS = 80
// What the edge is allowed to keep of one answer (envoy/http-filters.ts).
const EDGE_BUFFER_BYTES = 4 * 1024 * 1024

describe('a statement through the edge', () => {
  const accountId = `statement.${randomUUID()}`
  let mesh: MeshUnderTest

  before(async function () {
    this.timeout(60_000)
    mesh = await theMesh()
    const make = (id: string, kind: AccountKind) =>
      CreateAccountRequest.fromPartial({ accountId: id, account: { assetCode: 'THB', kind } })
    const house = `${accountId}.house`
    const [debitAccount, creditAccount] = [`accounts/${house}`, `accounts/${accountId}`]
    const amount = { assetCode: 'THB', minorUnits: 150_25n }
    const legs = Array.from({ length: LEGS }, () => Leg.fromPartial({ debitAccount, creditAccount, amount, code: 1 }))
    const accounts = [make(house, AccountKind.SETTLEMENT), make(accountId, AccountKind.MERCHANT)]
    for (let count = 0; count < CHAINS; count++) {
      await mesh.ledger.postChain(PostChainRequest.fromPartial({ requestId: randomUUID(), legs, accounts }))
    }
  })

  after(async () => {
    // The books of the other tests know no house account that stands for itself.
    const [debitAccount, creditAccount] = [`accounts/${accountId}`, `accounts/${accountId}.house`]
    const amount = { assetCode: 'THB', minorUnits: 150_25n * BigInt(LEGS * CHAINS) }
    const legs = [Leg.fromPartial({ debitAccount, creditAccount, amount, code: 1 })]
    await mesh.ledger.postChain(PostChainRequest.fromPartial({ requestId: randomUUID(), legs }))
  })

  const get = (query: string) =>
    fetch(`${mesh.operator.url}/v1/ledger/accounts/${accountId}:statement${query}`, {
      headers: { authorization: `Bearer ${mesh.operator.token}` },
    })

  it('is streamed as CSV, more of it than the edge could keep', async function () {
    this.timeout(30_000)
    const response = await get('')
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8; header=present')
    const text = await response.text()
    assert.ok(text.length > EDGE_BUFFER_BYTES, `${text.length} bytes`)
    const lines = text.split('\r\n')
    assert.equal(lines.length, LEGS * CHAINS + 2)
    assert.ok(lines.slice(1, -1).every((line) => line.split(',')[4] === '150.25'))
  })

  it('is streamed as JSON, one object a line, with amounts as strings', async function () {
    this.timeout(30_000)
    const response = await get('?format=STATEMENT_FORMAT_JSON')
    assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
    const lines = (await response.text()).trimEnd().split('\n')
    assert.equal(lines.length, LEGS * CHAINS)
    const { amount } = JSON.parse(lines.at(-1)!) as { amount: unknown }
    assert.deepEqual(amount, { assetCode: 'THB', minorUnits: '15025' })
  })

  it('is refused as everything is: one error in JSON', async () => {
    const missing = await mesh.operator.send('GET', '/v1/ledger/accounts/nobody:statement')
    assert.deepEqual(errorInfo(missing).reason, 'ACCOUNT_NOT_FOUND')
    const malformed = await mesh.operator.send(
      'GET',
      `/v1/ledger/accounts/${accountId}:statement?end_time=1970-01-01T00:00:00Z`,
    )
    assert.deepEqual(errorInfo(malformed).reason, 'INVALID_FIELD')
    const stranger = await mesh.api.send('GET', `/v1/ledger/accounts/${accountId}:statement`)
    assert.equal(stranger.status, 401)
  })

  it('agrees with the entries by page and with the balance at a time', async () => {
    const page = await mesh.operator.send('GET', `/v1/ledger/accounts/${accountId}/entries?page_size=2`)
    const { entries } = page.body as { entries: { time: string; balancesAfter: { posted: unknown } }[] }
    assert.equal(entries.length, 2)
    const at = `/v1/ledger/accounts/${accountId}:balanceAt?time=${encodeURIComponent(entries[1]!.time)}`
    const { balances } = (await mesh.operator.send('GET', at)).body as { balances: { posted: unknown } }
    assert.deepEqual(balances.posted, entries[1]!.balancesAfter.posted)
  })
})
