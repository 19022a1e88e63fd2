import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import type pg from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import {
  Decision,
  Facts,
  FeePhase,
  LimitMetric,
  LimitWindowKind,
  RiskAction,
} from '../../../gen/paymesh/rules/v1/decision.js'
import { DecideRequest, FactSource } from '../../../gen/paymesh/rules/v1/decision_service.js'
import { createPool } from '../../runtime/postgres.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { publishRuleSet } from '../publication.js'
import { type Replica, startReplica } from '../test/replica.js'
import { eventually } from '../../../dev/eventually.js'

const facts = Facts.fromPartial({
  operationType: 'P2P_TRANSFER',
  amount: { assetCode: 'THB', minorUnits: 100_000n },
  payer: { party: 'wallets/a', owner: 'users/a', tags: ['vip', 'kyc_verified'] },
  payee: { party: 'wallets/b', owner: 'users/b' },
  metadata: { note: 'rent' },
  time: { seconds: 1_767_225_600n, nanos: 5 },
})
const route = { id: 'p2p', operation_type: 'P2P_TRANSFER', channel: 'INTERNAL_P2P' }
const fee = {
  id: 'service',
  operation_type: 'P2P_TRANSFER',
  phase: 'PRE',
  bps: 25,
  rounding: 'HALF_EVEN',
  revenue_account: 'accounts/fees.{asset}',
}

describe('Decide', () => {
  let pool: pg.Pool
  let replica: Replica

  before(async () => {
    const url = await testDatabase('rules')
    pool = createPool({ url, max: 4, applicationName: 'test' })
    replica = await startReplica(url)
  })
  after(async () => {
    await replica.stop()
    await pool.end()
  })

  const decide = (request: Parameters<typeof DecideRequest.fromPartial>[0]) =>
    replica.client('intent').decide(DecideRequest.fromPartial(request))
  const publish = async (document: unknown) => {
    const { version } = await publishRuleSet(pool, { document, author: 'users/o', reason: 'test' })
    await eventually(() => replica.published.newest?.version === version)
    return version
  }
  const refusal = async (request: Parameters<typeof DecideRequest.fromPartial>[0]) => {
    try {
      await decide(request)
    } catch (error) {
      assert.ok(error instanceof RpcError)
      return error
    }
    return assert.fail('was answered')
  }

  it('says that nothing is published, after the fields and before all else', async () => {
    assert.equal((await refusal({})).reason, 'INVALID_FIELD')
    const nothing = await refusal({ facts })
    assert.deepEqual([nothing.code, nothing.reason], [status.FAILED_PRECONDITION, 'NOTHING_PUBLISHED'])
    assert.equal(nothing.domain, 'rules.paymesh')
    const missing = await refusal({ facts, ruleSetVersion: 7n })
    assert.deepEqual([missing.code, missing.reason], [status.NOT_FOUND, 'RULE_SET_NOT_FOUND'])
    assert.deepEqual(missing.metadata, { rule_set_version: '7' })
  })

  it('answers route and fees, and the same bytes for the same version when a newer one is published', async () => {
    const version = await publish({ routes: [route], fees: [fee] })
    const { decision } = await decide({ facts })
    assert.ok(decision)
    assert.equal(decision.ruleSetVersion, version)
    assert.equal(decision.channel, 'INTERNAL_P2P')
    assert.equal(decision.refusal, undefined)
    assert.deepEqual(decision.fees, [
      {
        feeId: 'service',
        phase: FeePhase.PRE,
        amount: { assetCode: 'THB', minorUnits: 250n },
        revenueAccount: 'accounts/fees.THB',
      },
    ])
    assert.equal(decision.digest.length, 32)
    await publish({ routes: [{ ...route, channel: 'OTHER' }], fees: [] })
    assert.equal((await decide({ facts })).decision?.channel, 'OTHER')
    const again = await decide({ facts, ruleSetVersion: version })
    assert.deepEqual(Decision.encode(again.decision!).finish(), Decision.encode(decision).finish())
  })

  it('answers limit legs and risk, with all that the Ledger needs to know of a window', async () => {
    const limit = {
      id: 'weekly',
      operation_types: ['P2P_TRANSFER'],
      assets: ['THB'],
      metric: 'AMOUNT',
      window: 'WEEKLY',
      time_zone: 'Asia/Bangkok',
      cap: '900000',
    }
    const rule = { id: 'new', operation_types: ['P2P_TRANSFER'], reason: 'NEW', score: 400 }
    const version = await publish({
      routes: [route],
      fees: [],
      limits: [limit],
      risk: { rules: [rule], review_at: 400 },
    })
    const { decision } = await decide({ facts })
    assert.deepEqual(decision?.limitLegs, [
      {
        limitId: 'weekly',
        limit: 'weekly-THB',
        metric: LimitMetric.AMOUNT,
        assetCode: 'THB',
        scopeKey: 'users:a',
        window: {
          kind: LimitWindowKind.WEEKLY,
          name: '2026-W01',
          startTime: { seconds: 1_766_941_200n, nanos: 0 },
          endTime: { seconds: 1_767_546_000n, nanos: 0 },
          timeZone: 'Asia/Bangkok',
        },
        cap: 900_000n,
        uses: 100_000n,
        ruleSetVersion: version,
      },
    ])
    assert.deepEqual(decision.risk, { action: RiskAction.REVIEW, score: 400, reasons: ['NEW'] })
    const one = { ...limit, window: 'PER_TRANSACTION', time_zone: undefined, cap: '99999' }
    await publish({ routes: [route], fees: [], limits: [one] })
    const refused = (await decide({ facts })).decision
    assert.deepEqual(refused?.refusal?.limit, { limitId: 'weekly', cap: 99_999n, used: 100_000n })
    assert.deepEqual([refused.refusal.reason, refused.limitLegs, refused.risk], ['LIMIT_EXCEEDED', [], undefined])
    await publish({ routes: [route], fees: [], risk: { rules: [{ ...rule, action: 'DENY' }] } })
    const denied = (await decide({ facts })).decision
    assert.deepEqual([denied?.refusal?.reason, denied?.risk?.action], ['RISK_DENIED', RiskAction.DENY])
  })

  it('answers a refusal as a decision', async () => {
    const { decision } = await decide({ facts: { ...facts, operationType: 'REFUND' } })
    assert.equal(decision?.refusal?.reason, 'NO_ROUTE')
    assert.deepEqual([decision.channel, decision.fees], ['', []])
  })

  it('reads nothing from the database for versions it holds', async () => {
    const version = replica.published.newest!.version
    await decide({ facts, ruleSetVersion: version - 1n })
    const reads = replica.reads()
    for (const ruleSetVersion of [0n, version, version - 1n]) await decide({ facts, ruleSetVersion })
    assert.equal(replica.reads(), reads)
  })

  it('asks for signals that the rules for the payment read, where they are offered and not there', async () => {
    const read = (name: string) => `has(signals.${name}) && signals.${name} > 3`
    const risky = (id: string, condition: string, change: object = {}) => {
      return { id, operation_types: ['P2P_TRANSFER'], reason: 'R', condition, ...change }
    }
    const rules = [
      risky('fast', read('payments_last_hour')),
      risky('odd', read('z_score_milli')),
      risky('dear', '"euros_spent" in signals', { assets: ['EUR'] }),
      risky('off', read('unused'), { enabled: false }),
      { ...risky('other', read('refunds')), operation_types: ['REFUND'] },
    ]
    const version = await publish({ routes: [route], fees: [], risk: { rules } })
    const offered = [FactSource.SIGNALS]
    const signals = ['payments_last_hour', 'z_score_milli']
    assert.deepEqual(await decide({ facts, offered }), {
      decision: undefined,
      wanted: { ruleSetVersion: version, signals, score: undefined },
    })
    const some = await decide({ facts: { ...facts, signals: { payments_last_hour: 1n } }, offered })
    assert.deepEqual(some.wanted?.signals, ['z_score_milli'])
    const measured = { payments_last_hour: 1n, z_score_milli: 0n }
    assert.ok((await decide({ facts: { ...facts, signals: measured }, offered })).decision)
    assert.ok((await decide({ facts })).decision)
    assert.ok((await decide({ facts, ruleSetVersion: version - 1n, offered })).decision)
  })

  it('asks for a score once the signals are there that decide about it', async () => {
    const scoring = {
      operation_types: ['P2P_TRANSFER'],
      condition: '!has(signals.payments_last_hour) || signals.payments_last_hour > 3',
      provider: 'acme',
      deadline_ms: 250,
      without_score: 'DENY',
    }
    const ruleSetVersion = await publish({ routes: [route], fees: [], scoring })
    const both = [FactSource.SIGNALS, FactSource.SCORE]
    const first = await decide({ facts, offered: both })
    assert.deepEqual(first.wanted, { ruleSetVersion, signals: ['payments_last_hour'], score: undefined })
    const score = { provider: 'acme', deadlineMs: 250 }
    const second = await decide({ facts, offered: [FactSource.SCORE] })
    assert.deepEqual(second.wanted, { ruleSetVersion, signals: [], score })
    const calm = { ...facts, signals: { payments_last_hour: 3n } }
    assert.equal((await decide({ facts: calm, offered: both })).decision?.channel, 'INTERNAL_P2P')
    const busy = { ...facts, signals: { payments_last_hour: 4n } }
    assert.deepEqual((await decide({ facts: busy, offered: both })).wanted?.score, score)
    assert.equal((await decide({ facts: busy })).decision?.refusal?.reason, 'RISK_DENIED')
    const scored = { ...facts, signals: { payments_last_hour: 4n, external_score: 0n } }
    assert.equal((await decide({ facts: scored, offered: both })).decision?.channel, 'INTERNAL_P2P')
  })

  it('names the rule that failed', async () => {
    const version = await publish({ routes: [{ ...route, condition: 'amount * 2 > 0' }], fees: [] })
    const error = await refusal({ facts: { ...facts, amount: { assetCode: 'THB', minorUnits: 2n ** 63n - 1n } } })
    assert.deepEqual([error.code, error.reason], [status.FAILED_PRECONDITION, 'RULE_FAILED'])
    assert.deepEqual(error.metadata, { rule_set_version: String(version), rule: 'p2p' })
  })

  it('refuses every malformed field by name', async () => {
    const party = facts.payer!
    const cases: [field: string, request: Parameters<typeof DecideRequest.fromPartial>[0]][] = [
      ['rule_set_version', { facts, ruleSetVersion: -1n }],
      ['facts.operation_type', { facts: { ...facts, operationType: '' } }],
      ['facts.operation_type', { facts: { ...facts, operationType: 'p2p' } }],
      ['facts.amount.asset_code', { facts: { ...facts, amount: { minorUnits: 1n } } }],
      ['facts.amount.asset_code', { facts: { ...facts, amount: { assetCode: 'thb', minorUnits: 1n } } }],
      ['facts.amount.minor_units', { facts: { ...facts, amount: { assetCode: 'THB' } } }],
      ['facts.amount.minor_units', { facts: { ...facts, amount: { assetCode: 'THB', minorUnits: 0n } } }],
      ['facts.amount.minor_units', { facts: { ...facts, amount: { assetCode: 'THB', minorUnits: -5n } } }],
      ['facts.payer.party', { facts: { ...facts, payer: { party: '' } } }],
      ['facts.payer.party', { facts: { ...facts, payer: { party: 'x'.repeat(257) } } }],
      ['facts.payee.owner', { facts: { ...facts, payee: { ...party, owner: 'x'.repeat(257) } } }],
      ['facts.payee.tags', { facts: { ...facts, payee: { ...party, tags: Array<string>(33).fill('x') } } }],
      ['facts.payee.tags', { facts: { ...facts, payee: { ...party, tags: [''] } } }],
      ['facts.metadata', { facts: { ...facts, metadata: pairs(33) } }],
      ['facts.metadata', { facts: { ...facts, metadata: { note: 'x'.repeat(4093) } } }],
      ['facts.time', { facts: { ...facts, time: { seconds: 253_402_300_800n } } }],
      ['facts.time', { facts: { ...facts, time: { nanos: -1 } } }],
      ['facts.payer.wallet_kind', { facts: { ...facts, payer: { ...party, walletKind: 'personal' } } }],
      ['facts.time_zone', { facts: { ...facts, timeZone: 'Mars/Olympus' } }],
      ['facts.channel_hint', { facts: { ...facts, channelHint: 'fastest' } }],
      ['facts.signals', { facts: { ...facts, signals: { 'z-score': 1n } } }],
      ['facts.signals', { facts: { ...facts, signals: signals(33) } }],
    ]
    for (const [field, request] of cases) {
      const error = await refusal(request)
      assert.deepEqual([error.code, error.reason], [status.INVALID_ARGUMENT, 'INVALID_FIELD'], field)
      assert.deepEqual(
        error.fieldViolations.map((violation) => violation.field),
        [field],
      )
    }
    const all = await refusal({})
    assert.deepEqual(
      all.fieldViolations.map((violation) => violation.field),
      [
        'facts.operation_type',
        'facts.amount.asset_code',
        'facts.amount.minor_units',
        'facts.payer.party',
        'facts.payee.party',
        'facts.time',
      ],
    )
  })

  it('is for Intent alone', async () => {
    for (const peer of ['edge', 'ledger', 'operator'] as const) {
      const call = replica.client(peer).decide(DecideRequest.fromPartial({ facts }))
      await assert.rejects(call, (error) => error instanceof RpcError && error.code === status.PERMISSION_DENIED)
    }
  })
})

function pairs(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, '']))
}

function signals(count: number): Record<string, bigint> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`signal${index}`, 1n]))
}
