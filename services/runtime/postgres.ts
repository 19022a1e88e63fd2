import pg from 'pg'
import type { Logger } from './logger.js'

/** How to make a pool. */
export interface PoolOptions {
  url: string
  /** Most connections, 1 and up. */
  max: number
  /** What the server shows as `application_name`: the service's name. */
  applicationName: string
  /** The longest a statement may run; 10 s when absent. */
  statementTimeoutMs?: number
  log?: Logger
}

const statementTimeoutMsDefault = 10_000
// A caller waits this long for a free connection. Longer than a burst lasts, shorter than any caller's deadline.
const connectionTimeoutMs = 5_000
const idleTimeoutMs = 30_000
// The server ends a statement that takes too long. One whose server is gone without a word ends here, this much later;
// the system's own limits for a dead connection are a quarter of an hour and more.
const silenceMsMax = 2_000

const int8 = 20
const int8Array = 1016

// int8 as bigint, also in one-dimensional arrays; everything else as pg has it (numeric as a string, which loses
// nothing).
const types = new pg.TypeOverrides()
types.setTypeParser(int8, BigInt)
types.setTypeParser(int8Array, (text) => {
  const elements = text.slice(1, -1)
  return elements === '' ? [] : elements.split(',').map((element) => (element === 'NULL' ? null : BigInt(element)))
})

/** A bounded pool. Every wait has an end: for a connection 5 s, for a statement `statementTimeoutMs`. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName,
    statement_timeout: options.statementTimeoutMs ?? statementTimeoutMsDefault,
    query_timeout: (options.statementTimeoutMs ?? statementTimeoutMsDefault) + silenceMsMax,
    idle_in_transaction_session_timeout: options.statementTimeoutMs ?? statementTimeoutMsDefault,
    connectionTimeoutMillis: connectionTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    keepAlive: true,
    types,
  })
  // An idle connection that breaks is an 'error' event of the pool, which would end the process. The pool replaces the
  // connection by itself.
  pool.on('error', (error) => options.log?.warn({ err: error }, 'an idle database connection broke'))
  return pool
}

/**
 * Runs `work` in a transaction: committed when it resolves, rolled back when it rejects. Never await a network call
 * inside: the transaction's locks would wait for it too.
 */
export async function transaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  // A connection that breaks is also an 'error' event of its client, which the pool does not hear while the client is
  // taken out, and which would end the process. What was asked of the client rejects.
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    broken ??= await rollBack(client)
    throw error
  } finally {
    // A connection that could not even roll back is in an unknown state and is closed instead of reused.
    client.release(broken)
    client.removeListener('error', onError)
  }
}

async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback')
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error('The rollback failed.', { cause: error })
  }
}

/** The SQLSTATE of a database error; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}

/** Whether a unique key refused the row; with `constraint`, whether that one did. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (!(error instanceof pg.DatabaseError) || error.code !== '23505') return false
  return constraint === undefined || error.constraint === constraint
}

/** Whether that check refused the row. */
export function isCheckViolation(error: unknown, constraint: string): boolean {
  return error instanceof pg.DatabaseError && error.code === '23514' && error.constraint === constraint
}

// SQLSTATEs of a server that can't do now what it can at other times: the class "connection exception", the class
// "insufficient resources" (a full disk, too many connections), the three of a shutdown or a start, a statement that took
// too long, a database that is read-only, as a standby is, and a disk that fails.
const awayStates = /^(08...|53...|57P0[123]|57014|25006|58030)$/
const awayCodes: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'])
// pg and its pool give these no code.
const awayMessages =
  /^(Connection terminated|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error)/

/**
 * Whether an error means that the database could not be reached, was lost on the way, or has no room or no right to
 * write for now: what was asked may be asked again later. It may also have been done, when the connection broke after it
 * was sent.
 */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return awayStates.test(error.code ?? '')
  if (!(error instanceof Error)) return false
  return ('code' in error && awayCodes.has(error.code)) || awayMessages.test(error.message)
}
