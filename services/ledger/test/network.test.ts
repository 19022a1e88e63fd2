import assert from 'node:assert/strict'
import { testDatabase } from '../../../dev/testing.js'
import { TransferStatus } from '../state-machine/status.js'
import { type Transfer } from '../state-machine/transfer.js'
import { Bystander, undecided } from './bystander.js'
import { accountEvent, eventually, TestEngine, transferEvent } from './harness.js'
import { TcpProxy } from './tcp-proxy.js'
import { verifyBooks } from './verify.js'

const STATEMENT_TIMEOUT_MS = 1_500
// The time of a statement, two seconds of silence after it, and what a busy machine adds.
const UNKNOWN_WITHIN_MS = 7_000

/** An engine that reaches its database over a network of the test's, and a session that does not. */
class Networked {
  readonly proxy: TcpProxy
  readonly made: TestEngine
  readonly bystander: Bystander

  private constructor(proxy: TcpProxy, made: TestEngine, bystander: Bystander) {
    this.proxy = proxy
    this.made = made
    this.bystander = bystander
  }

  static async start(): Promise<Networked> {
    const direct = await testDatabase('ledger')
    const proxy = await TcpProxy.start(Number(new URL(direct).port))
    const url = new URL(direct)
    url.port = String(proxy.port)
    const made = await TestEngine.start(direct, { url: url.href, statementTimeoutMs: STATEMENT_TIMEOUT_MS })
    await made.engine.createAccounts([accountEvent(1n), accountEvent(2n)])
    return new Networked(proxy, made, await Bystander.connect(direct))
  }

  /** The network loses something of what is under way, and is whole again. */
  async loses(...directions: Parameters<TcpProxy['swallow']>): Promise<void> {
    this.proxy.swallow(...directions)
    await eventually(() => this.proxy.lostBytes > 0, 'something is lost')
    this.proxy.heal()
  }

  /** The call is told that its outcome is unknown, while somebody waits for it. */
  async assertUnknown(call: Promise<string>): Promise<void> {
    const startedMs = performance.now()
    assert.equal(await call, 'outcome_unknown')
    assert.ok(performance.now() - startedMs < UNKNOWN_WITHIN_MS, 'nobody waits for ever')
  }

  /** The engine is the writer again by itself, and a retry is answered like this. */
  async assertSettles(event: Transfer, status: TransferStatus): Promise<void> {
    await this.made.becomesWriter()
    const { results } = await this.made.engine.createTransfers([event])
    assert.equal(results[0]?.status, status)
    const [account] = await this.made.engine.lookupAccounts([1n])
    assert.equal(account?.debitsPosted, 1n)
    await verifyBooks(this.made.pool)
  }

  async stop(): Promise<void> {
    await this.bystander.client.end()
    await this.made.stop()
    await this.proxy.stop()
  }
}

describe('the PostgreSQL engine on a network that fails', () => {
  const started: Networked[] = []
  afterEach(async () => {
    for (const networked of started.splice(0)) await networked.stop()
  })
  async function start(): Promise<Networked> {
    const networked = await Networked.start()
    started.push(networked)
    return networked
  }

  it('recovers from a connection that is reset under a batch', async () => {
    const networked = await start()
    const event = transferEvent(10n)
    await networked.bystander.holdHead()
    const call = undecided(networked.made.engine.createTransfers([event]))
    await networked.bystander.batchWaits()
    networked.proxy.reset()
    await networked.assertUnknown(call)
    // The server notices only when it has an answer to send, and then it has committed.
    await networked.bystander.releaseHead()
    await networked.assertSettles(event, TransferStatus.EXISTS)
  })

  // Each waits for seconds of silence, so they wait together.
  it('gives up in bounded time on one that swallows what is sent, in either direction, and recovers', async () => {
    await Promise.all([
      (async () => {
        const networked = await start()
        const event = transferEvent(10n)
        const call = undecided(networked.made.engine.createTransfers([event]))
        await networked.loses('toServer')
        await networked.assertUnknown(call)
        await networked.assertSettles(event, TransferStatus.CREATED)
      })(),
      (async () => {
        const networked = await start()
        const event = transferEvent(10n)
        await networked.bystander.holdHead()
        const call = undecided(networked.made.engine.createTransfers([event]))
        await networked.bystander.batchWaits()
        const lost = networked.loses('toClient')
        await networked.bystander.releaseHead()
        await lost
        await networked.assertUnknown(call)
        // It was committed and only the answer got lost.
        await networked.assertSettles(event, TransferStatus.EXISTS)
      })(),
      (async () => {
        const networked = await start()
        await networked.loses('toServer', 'toClient')
        await eventually(() => !networked.made.engine.isWriter, 'an idle writer notices')
        await networked.assertSettles(transferEvent(10n), TransferStatus.CREATED)
      })(),
    ])
  })
})
