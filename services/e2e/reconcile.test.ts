import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { IntentAdminServiceService } from '../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type StatementRecord } from '../../gen/paymesh/ledger/v1/reconciliation.js'
import { assetPath } from '../runtime/assets.js'
import { createClient } from '../runtime/client.js'
import { type Api, type Person, errorInfo, newPerson } from './api.js'
import { type MeshUnderTest, theMesh } from './mesh-under-test.js'

// proto3's JSON leaves out what is zero.
const totalShape = z.object({ count: z.string().default('0') })
const findingShape = z.looseObject({ outcome: z.string(), recordCount: z.string().default('0') })
const eventShape = z.object({
  progress: z.looseObject({}).optional(),
  finding: findingShape.optional(),
  summary: z.looseObject({ matched: totalShape, missingHere: totalShape, missingThere: totalShape }).optional(),
})

/** A record in JSON, as an operator would write it. */
function recordJson({ externalId, key, amount }: StatementRecord) {
  const { high, low } = key?.$case === 'transferId' ? key.transferId : { high: 0n, low: 0n }
  return {
    externalId,
    transferId: { high: String(high), low: String(low) },
    side: 'ENTRY_SIDE_CREDIT',
    amount: { assetCode: amount?.assetCode, minorUnits: String(amount?.minorUnits) },
  }
}

describe('a reconciliation through the edge', () => {
  let mesh: MeshUnderTest
  let person: Person
  let account: string
  let records: unknown[]

  before(async () => {
    mesh = await theMesh()
    person = await newPerson(mesh.api)
    account = `accounts/wallet.${person.wallet.slice('wallets/'.length)}`
    await mesh.operator.fund(person.wallet, 100_00n)
    await mesh.operator.fund(person.wallet, 50_00n)
    const intents = createClient(IntentAdminServiceService, {
      address: mesh.addresses.intent,
      peer: 'intent',
      tls: mesh.tls('operator'),
      serviceConfig: 'proto/paymesh/intent/v1/intent_service_config.json',
    })
    const time = { startTime: undefined, endTime: undefined }
    const page = await intents.listLedgerRecords({ account, ...time, pageSize: 0, pageToken: '' })
    intents.close()
    records = page.records.map(recordJson)
  })

  const reconcile = (caller: Api, body: unknown) => caller.send('POST', '/v1/ledger:reconcile', body)

  /** The events of an answer that is a stream. */
  async function eventsOf(messages: readonly unknown[]): Promise<z.infer<typeof eventShape>[]> {
    const response = await fetch(`${mesh.operator.url}/v1/ledger:reconcile`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${mesh.operator.token}` },
      body: JSON.stringify(messages),
    })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    const lines = text.split('\n').filter((line) => line.startsWith('data: '))
    return lines.map((line) => eventShape.parse(JSON.parse(line.slice('data: '.length))))
  }

  it("agrees with Intent's records, given as an array of messages, and answers a stream of events", async () => {
    assert.equal(records.length, 2)
    const events = await eventsOf([{ account }, { records }, { last: true }])
    assert.ok(events[0]?.progress !== undefined)
    assert.deepEqual(
      events.filter(({ finding }) => finding !== undefined),
      [],
    )
    assert.equal(events.at(-1)?.summary?.matched.count, '2')
  })

  it('finds what is missing on either side', async () => {
    const stranger = {
      externalId: 'bank 7',
      subject: { high: '7', low: '7' },
      side: 'ENTRY_SIDE_CREDIT',
      amount: { assetCode: 'THB', minorUnits: '1' },
    }
    const events = await eventsOf([{ account, records: [records[0], stranger], last: true }])
    const found = events.flatMap(({ finding }) =>
      finding === undefined ? [] : [[finding.outcome, finding.recordCount]],
    )
    const name = (outcome: string) => `RECONCILIATION_OUTCOME_${outcome}`
    assert.deepEqual(found, [
      [name('MISSING_THERE'), '0'],
      [name('MISSING_HERE'), '1'],
    ])
  })

  it("is a command, which asks Intent by itself for the wallet's records and for those of the house", async function () {
    this.timeout(30_000)
    const { ledger, intent } = mesh.addresses
    const target = ['--address', ledger, '--intent-address', intent, '--tls', dirname(mesh.tls('operator').certFile)]
    for (const [name, said] of [
      [account, /^matched: {7}2, debits 0\.00 THB, credits 150\.00 THB$/m],
      ['accounts/transit.THB', /^missing_here: {2}0, /m],
    ] as const) {
      const args = [assetPath('dist/dev/ledger.js'), 'reconcile', '--intent', '--account', name, ...target]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      assert.match(stdout, said)
      assert.match(stdout, /both sides agree\n$/)
    }
  })

  it('is refused as everything is: one error in JSON', async () => {
    const missing = `accounts/${randomUUID()}`
    const cases: [Api, unknown, number, string][] = [
      [mesh.api, [{ account, last: true }], 401, 'NOT_SIGNED_IN'],
      [person.api, [{ account, last: true }], 403, 'PERMISSION_MISSING'],
      [mesh.operator, { account, last: true }, 400, 'MALFORMED_REQUEST'],
      [mesh.operator, [{ account, last: 7 }], 400, 'MALFORMED_REQUEST'],
      [mesh.operator, [{ account: 'nobody' }], 400, 'INVALID_FIELD'],
      [mesh.operator, [{ account: missing }], 404, 'ACCOUNT_NOT_FOUND'],
      [mesh.operator, [{ account }], 503, 'RECORDS_INCOMPLETE'],
      [mesh.operator, [{ account: 'x'.repeat(70_000) }], 413, 'BODY_TOO_LARGE'],
    ]
    for (const [caller, body, status, reason] of cases) {
      const answer = await reconcile(caller, body)
      assert.deepEqual([answer.status, errorInfo(answer).reason], [status, reason], JSON.stringify(answer.body))
    }
  })
})
