import assert from 'node:assert/strict'
import { type Decision, Facts } from '../../../gen/paymesh/rules/v1/decision.js'
import { DecideRequest } from '../../../gen/paymesh/rules/v1/decision_service.js'
import { RollBackRuleSetRequest, RuleSetServiceService } from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import { eventually } from '../../../dev/eventually.js'
import { documentOf, Operators } from './operators.js'
import { type Replica, startReplica } from './replica.js'

const request = DecideRequest.fromPartial({
  facts: Facts.fromPartial({
    operationType: 'P2P_TRANSFER',
    amount: { assetCode: 'THB', minorUnits: 100_000n },
    payer: { party: 'wallets/a', owner: 'users/a' },
    payee: { party: 'wallets/b' },
    time: { seconds: 1_767_225_600n },
  }),
})

/** The same payment several times in one call. */
async function decideBatch(client: ReturnType<Replica['client']>): Promise<(Decision | undefined)[]> {
  const { results } = await client.decideBatch({ requests: [request, request, request] })
  return results.map(({ result }) => (result?.$case === 'decision' ? result.decision : undefined))
}

/** A document whose every part says which one it is. */
function markedDocument(mark: number) {
  const document = documentOf(mark)
  const limit = {
    id: 'daily',
    operation_types: ['P2P_TRANSFER'],
    assets: ['THB'],
    metric: 'AMOUNT',
    window: 'DAILY',
    time_zone: 'Asia/Bangkok',
    cap: String(mark),
  }
  const rule = { id: 'mark', operation_types: ['P2P_TRANSFER'], reason: `MARK_${mark}`, score: mark }
  const routes = document.routes.map((route) => ({ ...route, channel: `MARK_${mark}` }))
  return { ...document, routes, limits: [limit], risk: { rules: [rule] } }
}

describe('publishing under load', () => {
  let operators: Operators
  /** Polls so seldom that it can only have heard of a version. */
  let other: Replica
  /** Hears of nothing, so that it can only have polled. */
  let deaf: Replica
  before(async () => {
    operators = await Operators.start()
    other = await startReplica(operators.databaseUrl, { pollIntervalMs: 60_000 })
    deaf = await startReplica(operators.databaseUrl, { channel: 'nobody_speaks_here' })
  })
  after(async () => {
    await deaf.stop()
    await other.stop()
    await operators.stop()
  })

  it('has every decision made wholly by one version, and reaches every replica, newer and newer', async () => {
    const marks = new Map<bigint, number>()
    const publish = async (mark: number) => {
      const { version } = await operators.put(markedDocument(mark))
      marks.set(version, mark)
      return version
    }
    const inForce = (version: bigint) =>
      eventually(() => [operators.replica, other, deaf].every(({ published }) => published.newest?.version === version))
    await inForce(await publish(1))
    let isOver = false
    const load = [operators.replica, other, deaf, operators.replica, other].map(async (replica, index) => {
      const client = replica.client('intent')
      const seen: bigint[] = []
      while (!isOver) {
        const decisions = index % 2 === 0 ? [(await client.decide(request)).decision] : await decideBatch(client)
        const [decision] = decisions
        for (const sibling of decisions) assert.deepEqual(sibling, decision)
        const { channel, fees, limitLegs, risk, ruleSetVersion } = decision!
        const said = [fees[0]?.amount?.minorUnits, limitLegs[0]?.cap, BigInt(risk!.score)]
        const mark = channel.replace('MARK_', '')
        assert.deepEqual([...said.map(String), ...risk!.reasons], [mark, mark, mark, `MARK_${mark}`])
        const known = marks.get(ruleSetVersion)
        if (known !== undefined) assert.equal(String(known), mark)
        assert.ok(ruleSetVersion >= (seen.at(-1) ?? 0n), 'a replica went back')
        if (seen.at(-1) !== ruleSetVersion) seen.push(ruleSetVersion)
      }
      return seen
    })
    for (const mark of [2, 3, 4]) await inForce(await publish(mark))
    const rollBack = RollBackRuleSetRequest.fromPartial({ name: 'ruleSets/1', replacedVersion: 4n, reason: 'a test' })
    await operators.call(RuleSetServiceService.rollBackRuleSet, rollBack)
    marks.set(5n, 1)
    await inForce(5n)
    const { decision } = await other.client('intent').decide(request)
    assert.deepEqual([decision?.ruleSetVersion, decision?.channel], [5n, 'MARK_1'])
    isOver = true
    for (const seen of await Promise.all(load)) assert.equal(seen.at(0), 1n)
  })
})
