// Published versions in PostgreSQL.
import type { Pool, PoolClient } from 'pg'
import { transaction } from '../runtime/postgres.js'

/** The channel on which replicas hear of a new version. */
export const ruleSetsChannel = 'rule_sets'

export interface StoredRuleSet {
  readonly version: bigint
  /** As it was published; parsed by rule-set.ts. */
  readonly document: unknown
}

/** A published version with its history. */
export interface Version extends StoredRuleSet {
  readonly documentSha256: Buffer
  readonly author: string
  readonly contributors: readonly string[]
  /** Who published it; undefined when the command did, for its author. */
  readonly publisher: string | undefined
  readonly reason: string
  readonly draftId: string | undefined
  readonly rolledBackTo: bigint | undefined
  readonly publishTimeMs: number
}

/** What is published, by whom and why. */
export interface Publication {
  readonly document: unknown
  readonly documentSha256: Buffer
  readonly author: string
  readonly reason: string
}

/** A publication through the service: by somebody, in place of a version that they have seen. */
export interface ReviewedPublication extends Publication {
  readonly publisher: string
  /** Everybody who wrote the document, the author first. */
  readonly contributors: readonly string[]
  /** The version that it is to replace; 0 when nothing was published. */
  readonly replacedVersion: bigint
  readonly origin:
    | { readonly kind: 'draft'; readonly id: string; readonly revision: bigint }
    | { readonly kind: 'version'; readonly version: bigint }
}

export type PublicationOutcome =
  | { readonly kind: 'published'; readonly version: bigint }
  /** Another version came between. */
  | { readonly kind: 'outdated'; readonly newestVersion: bigint }
  /** The newest version says the same. */
  | { readonly kind: 'unchanged'; readonly newestVersion: bigint }
  /** The draft changed or was published since it was read. */
  | { readonly kind: 'draft-changed' }

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

/** A published version with its history; undefined when it was never published. */
export async function readVersion(pool: Pool, version: bigint): Promise<Version | undefined> {
  const { rows } = await pool.query<VersionRow>('select * from rule_sets where version = $1', [version])
  return rows[0] && versionFromRow(rows[0])
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
    const newest = await lockNewest(client)
    if (newest?.document_sha256.equals(publication.documentSha256)) return { version: newest.version, isNew: false }
    const version = (newest?.version ?? 0n) + 1n
    await insertVersion(client, version, publication)
    return { version, isNew: true }
  })
}

/** Publishes a document in place of the version that was seen, or says why not; then nothing has changed. */
export async function insertReviewed(pool: Pool, publication: ReviewedPublication): Promise<PublicationOutcome> {
  try {
    return await transaction(pool, (client) => publishIn(client, publication))
  } catch (error) {
    if (error instanceof DraftChangedError) return { kind: 'draft-changed' }
    throw error
  }
}

async function publishIn(client: PoolClient, publication: ReviewedPublication): Promise<PublicationOutcome> {
  const newest = await lockNewest(client)
  const newestVersion = newest?.version ?? 0n
  const { origin, replacedVersion, documentSha256 } = publication
  if (newestVersion !== replacedVersion) return { kind: 'outdated', newestVersion }
  if (newest?.document_sha256.equals(documentSha256)) return { kind: 'unchanged', newestVersion }
  const version = newestVersion + 1n
  await insertVersion(client, version, publication, publication)
  if (origin.kind === 'version') return { kind: 'published', version }
  const marked = await client.query(
    'update rule_set_drafts set published_version = $3 where id = $1 and revision = $2 and published_version is null',
    [origin.id, origin.revision, version],
  )
  if (marked.rowCount !== 1) throw new DraftChangedError()
  return { kind: 'published', version }
}

/** Takes a transaction back that published what is no longer the draft. */
class DraftChangedError extends Error {}

async function insertVersion(
  client: PoolClient,
  version: bigint,
  { document, documentSha256, author, reason }: Publication,
  reviewed?: Pick<ReviewedPublication, 'publisher' | 'contributors' | 'origin'>,
): Promise<void> {
  const { publisher, contributors = [author], origin } = reviewed ?? {}
  await client.query(
    `insert into rule_sets
       (version, document, document_sha256, author, reason, publisher, draft_id, rolled_back_to, contributors)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      version,
      JSON.stringify(document),
      documentSha256,
      author,
      reason,
      publisher ?? null,
      origin?.kind === 'draft' ? origin.id : null,
      origin?.kind === 'version' ? origin.version : null,
      contributors,
    ],
  )
  await client.query('select pg_notify($1, $2)', [ruleSetsChannel, String(version)])
}

async function lockNewest(client: PoolClient): Promise<{ version: bigint; document_sha256: Buffer } | undefined> {
  // Readers are not held up by this mode; only other publishers are.
  await client.query('lock table rule_sets in share row exclusive mode')
  const { rows } = await client.query<{ version: bigint; document_sha256: Buffer }>(
    'select version, document_sha256 from rule_sets order by version desc limit 1',
  )
  return rows[0]
}

interface VersionRow {
  version: bigint
  document: unknown
  document_sha256: Buffer
  author: string
  contributors: string[] | null
  publisher: string | null
  reason: string
  draft_id: string | null
  rolled_back_to: bigint | null
  publish_time: Date
}

function versionFromRow(row: VersionRow): Version {
  return {
    version: row.version,
    document: row.document,
    documentSha256: row.document_sha256,
    author: row.author,
    contributors: row.contributors ?? [row.author],
    publisher: row.publisher ?? undefined,
    reason: row.reason,
    draftId: row.draft_id ?? undefined,
    rolledBackTo: row.rolled_back_to ?? undefined,
    publishTimeMs: row.publish_time.getTime(),
  }
}
