import assert from 'node:assert/strict'
import { type Pool } from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { systemClock } from '../../runtime/clock.js'
import { systemRandom, uuidV7 } from '../../runtime/ids.js'
import { createLogger } from '../../runtime/logger.js'
import { createPool } from '../../runtime/postgres.js'
import { eventsOf } from '../events/event.js'
import { authorized, type Intent, rejected, settled } from '../intents/intent.js'
import { type OutboxRow } from '../events/outbox-store.js'
import { exampleIntent, payeeWallet, payerWallet } from '../test/example-intent.js'
import { builtInChannels } from '../channels/built-in-channels.js'
import { Channels } from '../channels/channels.js'
import { createFanOut, type FanOut } from './webhook-fan-out.js'

const nowMs = Date.UTC(2026, 0, 2)
const newId = () => uuidV7(systemClock, systemRandom)

describe('the fan-out of events to webhooks', () => {
  let pool: Pool
  let fanOut: FanOut
  let nudges = 0

  before(async () => {
    pool = createPool({ url: await testDatabase('intent'), max: 4, applicationName: 'test' })
    const log = createLogger({ name: 'test', level: 'silent' })
    const channels = new Channels(builtInChannels)
    fanOut = createFanOut({ pool, channels, nowMs: () => nowMs, newId, onQueued: () => (nudges += 1), log })
    for (const [id, owner] of [
      [payerWallet, 'users/pam'],
      [payeeWallet, 'users/pete'],
    ] as const) {
      await pool.query(
        `insert into wallets (id, creator, request_id, request_hash, owner, asset_code, display_name, create_time)
         values ($1, $2, 'r', '', $2, 'THB', '', now())`,
        [id, owner],
      )
    }
  })
  beforeEach(async () => {
    await pool.query('delete from webhook_endpoints')
    nudges = 0
  })
  after(() => pool.end())

  async function endpoint(owner: string, eventTypes: string[] = [], disabled = false): Promise<string> {
    const id = newId()
    await pool.query(
      `insert into webhook_endpoints (id, owner, request_id, request_hash, url, display_name, event_types, disabled, create_time)
       values ($1, $2, gen_random_uuid()::text, '', 'https://example.com', '', $3, $4, now())`,
      [id, owner, eventTypes, disabled],
    )
    return id
  }

  function outboxEvent(intent: Intent): OutboxRow {
    return { intentId: intent.id, sequence: intent.version, events: eventsOf(intent, intent.changes.length - 1) }
  }

  async function queued(): Promise<{ endpoint: string; type: string; body: Record<string, unknown> }[]> {
    const { rows } = await pool.query<{ endpoint_id: string; event_type: string; body: string }>(
      'select endpoint_id, event_type, body from webhook_deliveries order by endpoint_id, event_id',
    )
    return rows.map((row) => {
      const { data } = JSON.parse(row.body) as { data: Record<string, unknown> }
      return { endpoint: row.endpoint_id, type: row.event_type, body: data }
    })
  }

  it('tells creator and payer all, the payee what arrived and nothing of what the payer bore, strangers nothing', async () => {
    const payer = await endpoint('users/pam')
    const payee = await endpoint('users/pete')
    const creator = await endpoint('clients/shop')
    await endpoint('users/eve')
    const intent = exampleIntent({ creator: 'clients/shop' })
    await fanOut([outboxEvent(settled(intent, nowMs))])
    const told = new Map((await queued()).map(({ endpoint: id, body }) => [id, body]))
    assert.deepEqual([...told.keys()].sort(), [payer, payee, creator].sort())
    const whole = { assetCode: 'THB', minorUnits: '10100' }
    assert.deepEqual([told.get(payer)?.['payerTotal'], told.get(creator)?.['payerTotal']], [whole, whole])
    assert.equal('payerTotal' in told.get(payee)!, false)
    assert.deepEqual(told.get(payee)?.['payeeTotal'], { assetCode: 'THB', minorUnits: '9950' })
    assert.ok(!JSON.stringify(told.get(payee)).includes('10100'))
  })

  it('tells a merchant of what is held for it, and nobody else who is only paid', async () => {
    const payee = await endpoint('users/pete')
    const held = (operationType: string) => authorized(exampleIntent({ operationType, holdSeconds: 60 }), nowMs)
    await fanOut([outboxEvent(held('P2P_TRANSFER')), outboxEvent(held('MERCHANT_CHARGE'))])
    const told = await queued()
    assert.deepEqual(
      told.map(({ endpoint: id, type }) => [id, type]),
      [[payee, 'paymesh.intent.authorized.v1']],
    )
    assert.equal('payerTotal' in told[0]!.body, false)
  })

  it('queues the events of one write in their order', async () => {
    const id = await endpoint('users/pam')
    const intent = settled(exampleIntent({ creator: 'users/pam' }), nowMs)
    await fanOut([{ intentId: intent.id, sequence: 2, events: eventsOf(intent, 1) }])
    const { rows } = await pool.query<{ sequence: number; event_type: string }>(
      'select sequence, event_type from webhook_deliveries where endpoint_id = $1 order by sequence',
      [id],
    )
    const types = ['validated', 'authorized', 'settled'].map((state) => `paymesh.intent.${state}.v1`)
    assert.deepEqual(
      rows.map((row) => [row.sequence, row.event_type]),
      types.map((type, index) => [index + 1, type]),
    )
  })

  it('tells the payee nothing of a payment that was refused', async () => {
    const payer = await endpoint('users/pam')
    await endpoint('users/pete')
    const failure = { reason: 'INSUFFICIENT_FUNDS', message: 'no' }
    await fanOut([outboxEvent(rejected(exampleIntent({ creator: 'users/pam' }), failure, nowMs))])
    assert.deepEqual(
      (await queued()).map(({ endpoint: id }) => id),
      [payer],
    )
  })

  it('queues an event once for each endpoint, however often it is told, and only the types that are wanted', async () => {
    const all = await endpoint('users/pam')
    const some = await endpoint('users/pam', ['paymesh.intent.rejected.v1'])
    await endpoint('users/pam', [], true)
    const done = outboxEvent(settled(exampleIntent({ creator: 'users/pam' }), nowMs))
    const refused = outboxEvent(rejected(exampleIntent({ creator: 'users/pam' }), { reason: 'X', message: '' }, nowMs))
    await Promise.all([fanOut([done, refused]), fanOut([refused, done]), fanOut([done])])
    const types = (id: string, found: Awaited<ReturnType<typeof queued>>) =>
      found.filter((each) => each.endpoint === id).map(({ type }) => type)
    const found = await queued()
    assert.deepEqual(types(all, found).sort(), ['paymesh.intent.rejected.v1', 'paymesh.intent.settled.v1'])
    assert.deepEqual(types(some, found), ['paymesh.intent.rejected.v1'])
    assert.equal(found.length, 3)
  })

  it('is not held up by an event that it cannot read', async () => {
    const id = await endpoint('users/pam')
    const odd = { intentId: exampleIntent().id, sequence: 1, events: [{ id: '1' }] }
    await fanOut([odd, outboxEvent(settled(exampleIntent({ creator: 'users/pam' }), nowMs))])
    assert.deepEqual(
      (await queued()).map(({ endpoint: to }) => to),
      [id],
    )
    assert.equal(nudges, 1)
  })
})
