import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import type pg from 'pg'
import { eventually } from '../../../dev/eventually.js'
import { testDatabase } from '../../../dev/testing.js'
import { Decision, Facts } from '../../../gen/paymesh/rules/v1/decision.js'
import { DecideBatchRequest, DecideRequest, type DecideResult } from '../../../gen/paymesh/rules/v1/decision_service.js'
import { createPool } from '../../runtime/postgres.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { publishRuleSet } from '../publication.js'
import { documentOf } from '../test/operators.js'
import { type Replica, startReplica } from '../test/replica.js'

const factsOf = (minorUnits: bigint) =>
  Facts.fromPartial({
    operationType: 'P2P_TRANSFER',
    amount: { assetCode: 'THB', minorUnits },
    payer: { party: 'wallets/a', owner: 'users/a' },
    payee: { party: 'wallets/b', owner: 'users/b' },
    time: { seconds: 1_767_225_600n },
  })
const requestOf = (minorUnits: bigint, ruleSetVersion = 0n) =>
  DecideRequest.fromPartial({ facts: factsOf(minorUnits), ruleSetVersion })

describe('DecideBatch', () => {
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

  const decideBatch = async (...requests: DecideRequest[]) =>
    (await replica.client('intent').decideBatch(DecideBatchRequest.fromPartial({ requests }))).results
  const publish = async (document: unknown) => {
    const { version } = await publishRuleSet(pool, { document, author: 'users/o', reason: 'test' })
    await eventually(() => replica.published.newest?.version === version)
    return version
  }
  const decisionOf = ({ result }: DecideResult) => {
    assert.equal(result?.$case, 'decision')
    return result.decision
  }
  const saidOf = ({ result }: DecideResult) => {
    switch (result?.$case) {
      case 'failure':
        return result.failure.reason
      case 'decision':
        return result.decision.fees[0]?.amount?.minorUnits ?? result.decision.refusal?.reason
      default:
        return result?.$case
    }
  }

  it('says of each that nothing is published, and of each malformed one what is wrong', async () => {
    const malformed = DecideRequest.fromPartial({ facts: { ...factsOf(5n), operationType: 'p2p' } })
    const [first, second] = await decideBatch(requestOf(5n), malformed)
    assert.equal(saidOf(first!), 'NOTHING_PUBLISHED')
    assert.ok(second?.result?.$case === 'failure')
    assert.equal(second.result.failure.reason, 'INVALID_FIELD')
    assert.match(second.result.failure.message, /facts\.operation_type/)
  })

  it('decides each as Decide does, in order, whatever the others fail with', async () => {
    const document = documentOf(25)
    const [route] = document.routes
    const version = await publish({ ...document, routes: [{ ...route, condition: 'amount * 2 > 10' }] })
    const requests = [
      requestOf(100n),
      requestOf(0n),
      requestOf(2n ** 63n - 1n),
      requestOf(5n),
      requestOf(100n, 9n),
      requestOf(200n),
    ]
    const results = await decideBatch(...requests)
    assert.deepEqual(results.map(saidOf), [25n, 'INVALID_FIELD', 'RULE_FAILED', 'NO_ROUTE', 'RULE_SET_NOT_FOUND', 25n])
    const [, , failed] = results
    assert.ok(failed?.result?.$case === 'failure')
    assert.deepEqual(failed.result.failure.metadata, { rule_set_version: String(version), rule: 'p2p' })
    for (const index of [0, 3, 5]) {
      const { decision } = await replica.client('intent').decide(requests[index]!)
      assert.deepEqual(
        Decision.encode(decisionOf(results[index]!)).finish(),
        Decision.encode(decision!).finish(),
        String(index),
      )
    }
  })

  it('leaves to another call what the message has no room for, and answers the first of any', async () => {
    const [fee] = documentOf(1).fees
    const name = (index: number) => `${'f'.repeat(60)}${index}`
    const revenue = `accounts/${'r'.repeat(110)}`
    const fees = Array.from({ length: 600 }, (_, index) => ({ ...fee, id: name(index), revenue_account: revenue }))
    await publish({ ...documentOf(1), fees })
    const requests = Array.from({ length: 128 }, (_, index) => requestOf(BigInt(10_000 + index)))
    const results = await decideBatch(...requests)
    const decided = results.findIndex(({ result }) => result?.$case === 'deferred')
    assert.ok(decided > 1 && decided < 127, `${decided} fit`)
    for (const [index, { result }] of results.entries()) {
      assert.equal(result?.$case, index < decided ? 'decision' : 'deferred')
    }
    const [next] = await decideBatch(...requests.slice(decided))
    const { decision } = await replica.client('intent').decide(requests[decided]!)
    assert.deepEqual(decisionOf(next!), decision)
  })

  it('decides all that name no version by one, also when another is published while older ones are read', async () => {
    const old = await publish(documentOf(1))
    for (let mark = 2; mark <= 4; mark++) {
      await publish(documentOf(mark))
      const [before, published] = await Promise.all([
        decideBatch(...Array.from({ length: 60 }, (_, index) => requestOf(100n, index % 2 === 0 ? 0n : old))),
        publish(documentOf(100 + mark)),
      ])
      const versions = before.map((result) => decisionOf(result).ruleSetVersion)
      const newest = versions.filter((_, index) => index % 2 === 0)
      assert.equal(new Set(newest).size, 1)
      assert.ok(newest[0] === published || newest[0] === published - 1n)
      assert.ok(versions.every((version, index) => index % 2 === 0 || version === old))
    }
  })

  it('refuses a batch of none and of too many as a whole, and everybody but Intent', async () => {
    for (const count of [0, 129]) {
      await assert.rejects(decideBatch(...Array.from({ length: count }, () => requestOf(1n))), (error) => {
        assert.ok(error instanceof RpcError)
        assert.deepEqual([error.code, error.reason], [status.INVALID_ARGUMENT, 'INVALID_FIELD'])
        assert.deepEqual(
          error.fieldViolations.map(({ field }) => field),
          ['requests'],
        )
        return true
      })
    }
    assert.equal((await decideBatch(...Array.from({ length: 128 }, () => requestOf(1n)))).length, 128)
    const call = replica.client('operator').decideBatch(DecideBatchRequest.fromPartial({ requests: [requestOf(1n)] }))
    await assert.rejects(call, (error) => error instanceof RpcError && error.code === status.PERMISSION_DENIED)
  })

  it('takes a full batch of the largest facts', async () => {
    const tags = Array.from({ length: 32 }, (_, index) => `${index}`.padEnd(64, 'ไ'))
    const party = { party: 'ไ'.repeat(256), owner: 'ไ'.repeat(256), tags }
    const metadata = Object.fromEntries(
      Array.from({ length: 32 }, (_, index) => [`${index}`.padStart(2, '0'), 'x'.repeat(126)]),
    )
    const facts = Facts.fromPartial({ ...factsOf(100n), payer: party, payee: party, metadata })
    const results = await decideBatch(...Array.from({ length: 128 }, () => DecideRequest.fromPartial({ facts })))
    assert.ok(results.every((result) => decisionOf(result).channel !== ''))
  })
})
