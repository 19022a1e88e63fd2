import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { appendEvent } from '../audit/audit-chain.js'
import type { AuditWho } from '../audit/audit-record.js'
import type { Clock } from '../../runtime/clock.js'
import type { Keyring } from '../../runtime/keyring.js'

/**
 * A table whose rows hold something that a key-encryption key wraps. What a user's data key seals is not among them: it is
 * out of reach of this rotation, which is what data keys are for.
 */
interface WrappedTable {
  readonly table: string
  /** The primary key, which orders the walk. */
  readonly id: string
  readonly idType: 'uuid' | 'text'
  readonly sealed: string
  /** What the row was sealed as, in SQL over its columns. */
  readonly context: string
}

/** Every table with a `wrapping_key_id`; a test compares this with the database. */
export const wrappedTables: readonly WrappedTable[] = [
  {
    table: 'data_keys',
    id: 'user_id',
    idType: 'uuid',
    sealed: 'wrapped_key',
    context: `'users/' || user_id || '#data_key'`,
  },
  {
    table: 'signing_keys',
    id: 'kid',
    idType: 'text',
    sealed: 'wrapped_private_jwk',
    context: `'signingKeys/' || kid || '#private_jwk'`,
  },
  {
    table: 'notifications',
    id: 'id',
    idType: 'uuid',
    sealed: 'sealed',
    context: `'notifications/' || id || '#content'`,
  },
  {
    table: 'client_keys',
    id: 'id',
    idType: 'uuid',
    sealed: 'sealed',
    context: `'clients/' || client_id || '/keys/' || id || '#secret'`,
  },
]

export interface RewrapDeps {
  readonly pool: pg.Pool
  readonly keyring: Keyring
  readonly clock: Clock
  readonly who: AuditWho
  /** 200 when absent. */
  readonly batchMax?: number
}

/** How far the walk is. */
export interface RewrapProgress {
  readonly table: string
  readonly rewrappedCount: number
}

/** In one transaction; no index of an old key is needed, since the walk is by primary key. Rows that are locked at once: a registration or sign-in of one of them waits for no longer than this takes. */
const batchMaxDefault = 200

/**
 * Wraps everything anew under the first key-encryption key, in short transactions while traffic runs, and yields after each.
 * A row is rewrapped once; whoever stops in the middle goes on by starting again. Rows that replicas with the old first key
 * still make are found by another run: so run it once every replica has the new key first, and drop the old key when it
 * ends with none left.
 */
export async function* rewrap(deps: RewrapDeps): AsyncGenerator<RewrapProgress> {
  for (const table of wrappedTables) {
    let rewrappedCount = 0
    let last: string | undefined
    do {
      const batch = await rewrapBatch(deps, table, last)
      rewrappedCount += batch.length
      last = batch.at(-1)
      if (last !== undefined) yield { table: table.table, rewrappedCount }
    } while (last !== undefined)
  }
}

/** How many rows are still wrapped under each key but the first, by table and key; empty when the others may go. */
export async function leftUnder({
  pool,
  keyring,
}: Pick<RewrapDeps, 'pool' | 'keyring'>): Promise<{ table: string; keyId: string; count: number }[]> {
  const counts = wrappedTables.map(async ({ table }) => {
    const { rows } = await pool.query<{ keyId: string; count: number }>(
      `select wrapping_key_id as "keyId", count(*)::int as count from ${table} where wrapping_key_id <> $1 group by 1`,
      [keyring.wrappingKeyId],
    )
    return rows.map((row) => ({ table, ...row }))
  })
  return (await Promise.all(counts)).flat()
}

/** Rewraps the rows behind one; answers which. */
async function rewrapBatch(
  { pool, keyring, clock, who, batchMax }: RewrapDeps,
  { table, id, idType, sealed, context }: WrappedTable,
  after: string | undefined,
): Promise<string[]> {
  return await transaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string; keyId: string; sealed: Buffer; context: string }>(
      `select ${id}::text as id, wrapping_key_id as "keyId", ${sealed} as sealed, ${context} as context from ${table}
        where wrapping_key_id <> $1 and ($2::${idType} is null or ${id} > $2) order by ${id} limit $3 for no key update`,
      [keyring.wrappingKeyId, after ?? null, batchMax ?? batchMaxDefault],
    )
    if (rows.length === 0) return []
    const anew = rows.map((row) => keyring.wrap(keyring.unwrap(row, row.context), row.context))
    await client.query(
      `update ${table} t set wrapping_key_id = $1, ${sealed} = n.sealed
        from unnest($2::${idType}[], $3::bytea[]) as n (id, sealed) where t.${id} = n.id`,
      [keyring.wrappingKeyId, rows.map((row) => row.id), anew.map((wrapped) => wrapped.sealed)],
    )
    const details = { table, count: String(rows.length), key: keyring.wrappingKeyId }
    await appendEvent(client, { event: 'KEYS_REWRAPPED', who, timeMs: clock.nowMs(), resource: '', details })
    return rows.map((row) => row.id)
  })
}
