import { setTimeout as delay } from 'node:timers/promises'
import { type Logger } from '../../runtime/logger.js'
import { type RunningEngine } from '../engine.js'
import { clusterOpener } from '../tigerbeetle-engine/cluster-client.js'
import { NO_NOTES } from '../tigerbeetle-engine/notes.js'
import { TIGERBEETLE_DEFAULTS, TigerBeetleEngine } from '../tigerbeetle-engine/tigerbeetle-engine.js'
import { limited, type OpenedEngine, UnusableLedgerError } from './replayed-ledger.js'

/** A TigerBeetle cluster to replay on. */
export interface ReplayedCluster {
  readonly clusterId: bigint
  /** ip:port, one a replica. */
  readonly addresses: readonly string[]
  /** Called after the replay; ends what was started for it. */
  stop(): Promise<void>
}

// A server that was just started answers within seconds; who waits longer waits for one that is not there.
const ANSWER_WITHIN_MS = 30_000

/**
 * An engine on a cluster. The server has a clock of its own, so a wait is a wait. Rejects with UnusableLedgerError, and
 * stops the cluster, when it does not answer or holds anything: a transcript's transfers are no guests for real books.
 */
export async function openCluster(cluster: ReplayedCluster, log: Logger): Promise<OpenedEngine> {
  const open = await clusterOpener(cluster.clusterId, cluster.addresses)
  const answers = new AbortController()
  const observer = {
    writerChanged: () => {
      answers.abort()
    },
    batchDecided: () => undefined,
  }
  const engine = new TigerBeetleEngine({ ...TIGERBEETLE_DEFAULTS, open, notes: NO_NOTES, log, observer })
  const stop = async () => {
    await engine.stop()
    await cluster.stop()
  }
  try {
    engine.start()
    await delay(ANSWER_WITHIN_MS, undefined, { signal: answers.signal }).catch(() => undefined)
    await assertUsable(engine, cluster)
  } catch (error) {
    await stop()
    throw error
  }
  return { engine, ledger: { engine: limited(engine), waitSeconds: (seconds) => delay(seconds * 1000), stop } }
}

async function assertUsable(engine: RunningEngine, { clusterId, addresses }: ReplayedCluster): Promise<void> {
  const where = `TigerBeetle cluster with the id ${clusterId} at ${addresses.join(',')}`
  if (!engine.isWriter) {
    const seconds = ANSWER_WITHIN_MS / 1000
    throw new UnusableLedgerError(`No ${where} answered within ${seconds} s, or none as new as the client is.`)
  }
  const anything = { userData128: 0n, userData64: 0n, userData32: 0, ledger: 0, code: 0, flags: 0 }
  const range = { timestampMin: 0n, timestampMax: 0n, limit: 1 }
  const [account] = await engine.queryAccounts({ ...anything, ...range })
  if (account === undefined) return
  throw new UnusableLedgerError(`The ${where} holds accounts already; a replay needs an empty one.`)
}
