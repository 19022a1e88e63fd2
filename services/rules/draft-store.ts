// Drafts of rule sets in PostgreSQL.
import type { Pool } from 'pg'

/** A draft as it stands. */
export interface Draft {
  readonly id: string
  readonly document: unknown
  readonly description: string
  /** Everybody who wrote it, the author first. */
  readonly contributors: readonly string[]
  readonly baseVersion: bigint
  /** Counts changes. */
  readonly revision: bigint
  readonly publishedVersion: bigint | undefined
  readonly createTimeMs: number
  readonly updateTimeMs: number
}

/** What a caller writes. */
export interface DraftContent {
  readonly document: unknown
  readonly description: string
  readonly baseVersion: bigint
}

/** The request that makes a draft. */
export interface DraftRequest {
  readonly creator: string
  readonly requestId: string
  readonly requestHash: Buffer
}

interface DraftRow {
  id: string
  document: unknown
  description: string
  contributors: string[]
  base_version: bigint
  revision: bigint
  published_version: bigint | null
  create_time: Date
  update_time: Date
  request_hash: Buffer
}

/** Writes a new draft unless its creator used the request id before: then the draft is the one that was made by it. */
export async function insertDraft(
  pool: Pool,
  id: string,
  content: DraftContent,
  { creator, requestId, requestHash }: DraftRequest,
): Promise<{ readonly draft: Draft; readonly requestHash: Buffer; readonly isNew: boolean }> {
  const written = await pool.query<DraftRow>(
    `insert into rule_set_drafts
       (id, creator, request_id, request_hash, document, description, contributors, base_version)
     values ($1, $2, $3, $4, $5, $6, array[$2], $7) on conflict (creator, request_id) do nothing returning *`,
    [id, creator, requestId, requestHash, JSON.stringify(content.document), content.description, content.baseVersion],
  )
  const isNew = written.rowCount === 1
  const winner = written.rows[0] ?? (await readByRequest(pool, creator, requestId))
  if (winner === undefined) throw new Error('the winner of a conflict is there to be read')
  return { draft: draftFromRow(winner), requestHash: winner.request_hash, isNew }
}

async function readByRequest(pool: Pool, creator: string, requestId: string): Promise<DraftRow | undefined> {
  const query = 'select * from rule_set_drafts where creator = $1 and request_id = $2'
  const { rows } = await pool.query<DraftRow>(query, [creator, requestId])
  return rows[0]
}

export async function readDraft(pool: Pool, id: string): Promise<Draft | undefined> {
  const { rows } = await pool.query<DraftRow>('select * from rule_set_drafts where id = $1', [id])
  return rows[0] && draftFromRow(rows[0])
}

/** Changes a draft that still has this revision and is not published; undefined when there is none. */
export async function updateDraft(
  pool: Pool,
  { id, revision }: Pick<Draft, 'id' | 'revision'>,
  content: DraftContent,
  contributor: string,
): Promise<Draft | undefined> {
  const { rows } = await pool.query<DraftRow>(
    `update rule_set_drafts set
       document = $3, description = $4, base_version = $5, revision = revision + 1, update_time = now(),
       contributors = case when $6 = any(contributors) then contributors else contributors || $6 end
     where id = $1 and revision = $2 and published_version is null returning *`,
    [id, revision, JSON.stringify(content.document), content.description, content.baseVersion, contributor],
  )
  return rows[0] && draftFromRow(rows[0])
}

function draftFromRow(row: DraftRow): Draft {
  return {
    id: row.id,
    document: row.document,
    description: row.description,
    contributors: row.contributors,
    baseVersion: row.base_version,
    revision: row.revision,
    publishedVersion: row.published_version ?? undefined,
    createTimeMs: row.create_time.getTime(),
    updateTimeMs: row.update_time.getTime(),
  }
}
