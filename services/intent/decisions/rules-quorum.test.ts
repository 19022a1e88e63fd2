import assert from 'node:assert/strict'
import { setMaxListeners } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Counter, Registry } from 'prom-client'
import { freePort, testCertificates, testDatabase, testFolder } from '../../../dev/testing.js'
import { type DecideBatchResponse } from '../../../gen/paymesh/rules/v1/decision_service.js'
import { createLogger } from '../../runtime/logger.js'
import { createMetrics } from '../../runtime/metrics.js'
import { feesOf } from './decision.js'
import { connectRules, type RulesAnswer, type RulesNode } from './rules-client.js'
import { createQuorum } from './rules-quorum.js'
import { exampleOrder, startMs } from '../test/example-intent.js'
import { MeshProcess, runProgram, until } from '../test/mesh-process.js'
import { type RulesProxy, startRulesProxy } from '../test/rules-proxy.js'

const waits = { signal: new AbortController().signal }
setMaxListeners(0, waits.signal)

async function publish(url: string, feeMinor: number): Promise<void> {
  const file = join(testFolder(), `quorum-${feeMinor}.json`)
  const fee = { id: 'fee', operation_type: 'P2P_TRANSFER', phase: 'PRE', flat_minor: String(feeMinor) }
  const document = {
    routes: [{ id: 'p2p', operation_type: 'P2P_TRANSFER', channel: 'INTERNAL_P2P', max_minor: '900000' }],
    fees: [{ ...fee, revenue_account: 'accounts/fees.{asset}' }],
  }
  await writeFile(file, JSON.stringify(document))
  await runProgram('services/rules/publish.js', [file], { DATABASE_URL: url })
}

/** Three nodes: two real ones, each with a database of its own, and a third that lies or lags when told to. */
describe('a quorum of Rules nodes', () => {
  let urls: string[]
  let processes: MeshProcess[]
  let proxy: RulesProxy
  let absent: string
  let outcomes: Counter<'outcome'>
  let quorum: RulesNode | undefined

  before(async function () {
    this.timeout(60_000)
    urls = [await testDatabase('rules'), await testDatabase('rules')]
    processes = await Promise.all(urls.map((url) => MeshProcess.create('rules', { DATABASE_URL: url })))
    for (const url of urls) await publish(url, 10)
    await Promise.all(processes.map((process) => process.start()))
    proxy = await startRulesProxy(processes[0]!.address)
    absent = `localhost:${await freePort()}`
  })
  beforeEach(() => {
    proxy.answer = (request, real) => real(request)
    outcomes = new Counter({ name: 'o', help: '.', labelNames: ['outcome'], registers: [new Registry()] })
  })
  afterEach(() => quorum?.close())
  after(async () => {
    await proxy.stop()
    for (const process of processes) await process.kill()
  })

  const real = (index: number) => processes[index]!.address

  async function votes(addresses: readonly string[], size: number): Promise<void> {
    quorum?.close()
    const tls = (await testCertificates()).of('intent')
    quorum = createQuorum({
      nodes: addresses.map((address) =>
        connectRules({ address, tls, metrics: createMetrics('intent'), queueMax: 100 }),
      ),
      policy: { size, leastMinor: (asset) => (asset === 'THB' ? 5_000n : undefined) },
      outcomes,
      log: createLogger({ name: 'intent', level: 'silent' }),
    })
  }

  const ask = (amountMinor = 5_000n, assetCode = 'THB', ruleSetVersion = 0n): Promise<RulesAnswer> => {
    const order = exampleOrder({ amountMinor, assetCode })
    const facts = {
      order,
      payerOwner: 'users/ann',
      payeeOwner: 'users/ben',
      payerTags: [],
      level: undefined,
      timeMs: startMs,
    }
    return quorum!.ask(waits, { facts, signals: {}, offered: [], ruleSetVersion })
  }
  /** The fee, or why there is none. */
  const said = (answer: RulesAnswer) => {
    if (answer.kind !== 'decided') return answer.kind === 'unavailable' ? answer.cause : answer.kind
    const { verdict } = answer.decision
    return verdict.kind === 'refused' ? verdict.failure.reason : feesOf(answer.decision)[0]?.amountMinor
  }
  const counted = async (outcome: string) =>
    (await outcomes.get()).values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0
  const disagree = /do not agree: 1 of \d do, and \d have to/

  /** A node that changes what a decision says. */
  function lies(how: 'keeps the digest' | 'changes the digest'): void {
    proxy.answer = async (request, ask): Promise<DecideBatchResponse> => {
      const { results } = await ask(request)
      for (const { result } of results) {
        if (result?.$case !== 'decision') continue
        const [fee] = result.decision.fees
        if (fee?.amount !== undefined) fee.amount.minorUnits = 1n
        if (how === 'changes the digest') result.decision.digest = Buffer.alloc(32, 7)
      }
      return { results }
    }
  }

  it('decides when enough nodes say the same, also that a payment is refused', async () => {
    for (const [addresses, size] of [
      [[real(0), real(1)], 2],
      [[real(0), real(1), proxy.address], 2],
      [[real(0), real(1), proxy.address], 3],
    ] as const) {
      await votes(addresses, size)
      assert.equal(said(await ask()), 10n)
      assert.equal(said(await ask(900_001n)), 'NO_ROUTE')
      await until(async () => (await counted('agreed')) === 2, 'counted')
      outcomes.reset()
    }
  })

  it('decides small payments, and those of other assets, by one node', async () => {
    await votes([real(0), absent], 2)
    assert.equal(said(await ask(4_999n)), 10n)
    assert.equal(said(await ask(5_000n, 'USD')), 10n)
    assert.match(String(said(await ask(5_000n))), disagree)
  })

  it('outvotes a node that changes a fee, whether it keeps the digest or not and wherever it stands', async () => {
    for (const how of ['keeps the digest', 'changes the digest'] as const) {
      lies(how)
      for (const addresses of [
        [real(0), real(1), proxy.address],
        [proxy.address, real(0), real(1)],
      ]) {
        await votes(addresses, 2)
        outcomes.reset()
        assert.equal(said(await ask()), 10n)
        await until(async () => (await counted('outvoted')) === 1, 'counted')
        await votes(addresses, 3)
        assert.match(String(said(await ask())), /do not agree: 2 of 3 do, and 3 have to/)
        assert.equal(await counted('disagreed'), 1)
      }
      await votes([real(0), proxy.address], 2)
      assert.match(String(said(await ask())), disagree)
    }
  })

  it('decides without a node that is away while enough are there, and not with fewer', async () => {
    await votes([absent, real(0), real(1)], 2)
    assert.equal(said(await ask()), 10n)
    await until(async () => (await counted('agreed')) === 1, 'counted')
    await votes([real(0), absent, real(1)], 3)
    assert.match(String(said(await ask())), /do not agree: 2 of 3/)
    await votes([real(0), absent], 2)
    assert.match(String(said(await ask())), disagree)
  }).timeout(30_000)

  it('asks a node that is behind once more, by the version of the others', async () => {
    for (const url of urls) await publish(url, 20)
    await until(async () => {
      await votes([real(0), real(1)], 2)
      return said(await ask()) === 20n
    }, 'both nodes know the version')
    // Knows the newest version only when asked for it.
    proxy.answer = (request, ask) =>
      ask({
        requests: request.requests.map((one) => ({ ...one, ruleSetVersion: one.ruleSetVersion || 1n })),
      })
    for (const addresses of [
      [real(0), real(1), proxy.address],
      [proxy.address, real(0), real(1)],
    ]) {
      await votes(addresses, 3)
      outcomes.reset()
      assert.equal(said(await ask()), 20n)
      assert.equal(await counted('agreed'), 1)
    }
    // One that does not have the version at all has no say.
    await publish(urls[0]!, 30)
    await votes([real(0), real(1)], 2)
    await until(async () => disagree.test(String(said(await ask()))), 'the first node is ahead')
    await publish(urls[1]!, 30)
    await until(async () => said(await ask()) === 30n, 'they agree again')
  }).timeout(30_000)
})
