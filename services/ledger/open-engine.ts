import type pg from 'pg'
import { systemClock } from '../runtime/clock.js'
import { type Logger } from '../runtime/logger.js'
import { type LedgerConfig } from './config.js'
import { type RunningEngine } from './engine.js'
import { decided } from './errors.js'
import { type AccountLookup } from './named-account-store.js'
import { ENGINE_DEFAULTS, type EngineObserver, PostgresEngine } from './postgres-engine/postgres-engine.js'
import { clusterOpener } from './tigerbeetle-engine/cluster-client.js'
import { Notes } from './tigerbeetle-engine/notes.js'
import { TIGERBEETLE_DEFAULTS, TigerBeetleEngine } from './tigerbeetle-engine/tigerbeetle-engine.js'

interface EngineParts {
  readonly pool: pg.Pool
  readonly log: Logger
  readonly observer: EngineObserver
}

interface OpenedEngine {
  readonly engine: RunningEngine
  /** Where names find their accounts, when not in the same database. */
  readonly lookup: AccountLookup | undefined
}

/** The engine that the configuration chooses, not started. Throws when the database holds the books of the other one. */
export async function openEngine(config: LedgerConfig, { pool, log, observer }: EngineParts): Promise<OpenedEngine> {
  if (config.LEDGER_ENGINE === 'postgres') {
    const options = { ...ENGINE_DEFAULTS, url: config.DATABASE_URL, pool, clock: systemClock, log, observer }
    return { engine: new PostgresEngine(options), lookup: undefined }
  }
  const notes = new Notes(pool, log)
  await notes.claim()
  const open = await clusterOpener(config.TIGERBEETLE_CLUSTER_ID, config.TIGERBEETLE_ADDRESSES)
  const engine = new TigerBeetleEngine({ ...TIGERBEETLE_DEFAULTS, open, notes, log, observer })
  return { engine, lookup: (ids) => decided(engine.lookupAccounts(ids)) }
}
