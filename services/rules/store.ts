import type { Pool, PoolClient } from 'pg'
import { transaction } from '../runtime/postgres.js'

/** The channel on which replicas hear of a new version. */
export const ruleSetsChannel = 'rule_sets'

export interface StoredRuleSet {
  readonly version: bigint
  /** As it was published; parsed by rule-set.ts. */
  readonly document: unknown
}

/** What is published, by whom and why. */
export interface Publication {
  readonly document: unknown
  readonly documentSha256: Buffer
  readonly author: string
  readonly reason: string
}

/** The newest version, or undefined when nothing is published. */
export async function readNewestVersion(pool: Pool): Promise<bigint | undefined> {
  const { rows } = await pool.query<{ version: bigint | null }>('select max(version) as version from rule_sets')
  return rows[0]?.version ?? undefined
}

export async function readRuleSet(pool: Pool, version: bigint): Promise<StoredRuleSet | undefined> {
  const query = 'select version, document from rule_sets where version = $1'
  const { rows } = await pool.query<StoredRuleSet>(query, [version])
  return rows[0]
}

/**
 * Publishes a document as the next version, unless the newest version already says the same. Publishers take turns, so
 * versions have no gaps and of two publishers of one document only one publishes.
 */
export async function insertRuleSet(
  pool: Pool,
  publication: Publication,
): Promise<{ readonly version: bigint; readonly isNew: boolean }> {
  return await transaction(pool, async (client) => {
    // Readers are not held up by this mode; only other publishers are.
    await client.query('lock table rule_sets in share row exclusive mode')
    const newest = await readNewestForPublishing(client)
    if (newest?.document_sha256.equals(publication.documentSha256)) return { version: newest.version, isNew: false }
    const version = (newest?.version ?? 0n) + 1n
    await client.query(
      'insert into rule_sets (version, document, document_sha256, author, reason) values ($1, $2, $3, $4, $5)',
      [
        version,
        JSON.stringify(publication.document),
        publication.documentSha256,
        publication.author,
        publication.reason,
      ],
    )
    await client.query('select pg_notify($1, $2)', [ruleSetsChannel, String(version)])
    return { version, isNew: true }
  })
}

async function readNewestForPublishing(
  client: PoolClient,
): Promise<{ version: bigint; document_sha256: Buffer } | undefined> {
  const { rows } = await client.query<{ version: bigint; document_sha256: Buffer }>(
    'select version, document_sha256 from rule_sets order by version desc limit 1',
  )
  return rows[0]
}
