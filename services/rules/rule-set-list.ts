// The list of drafts and versions together, newest first.
import type { Pool } from 'pg'

/** One line of the list: a draft that is not published, or a version. Without its document. */
export interface ListedRuleSet {
  readonly kind: 'draft' | 'version'
  /** The draft's id or the version's number. */
  readonly key: string
  readonly description: string
  readonly contributors: readonly string[]
  readonly baseVersion: bigint
  readonly revision: bigint
  readonly publisher: string
  readonly reason: string
  readonly rolledBackTo: bigint
  readonly createTimeMs: number
  readonly updateTimeMs: number
  /** The time as the database writes it, to the microsecond: where the next page begins. */
  readonly timeText: string
}

export interface RuleSetPage {
  /** Only drafts or only versions; undefined means both. */
  readonly kind: ListedRuleSet['kind'] | undefined
  /** Where the page before ended. */
  readonly after: { readonly timeText: string; readonly key: string } | undefined
  readonly countMax: number
}

interface ListedRow {
  kind: 'draft' | 'version'
  key: string
  description: string
  contributors: string[]
  base_version: bigint
  revision: bigint
  publisher: string
  reason: string
  rolled_back_to: bigint
  create_time: Date
  update_time: Date
  time_text: string
}

const listed = `
  select 'draft' as kind, id::text as key, description, contributors, base_version, revision,
    '' as publisher, '' as reason, 0::bigint as rolled_back_to, create_time, update_time
  from rule_set_drafts where published_version is null
  union all
  select 'version', version::text, '', coalesce(contributors, array[author]), version - 1, 1,
    coalesce(publisher, author), reason, coalesce(rolled_back_to, 0), publish_time, publish_time
  from rule_sets`

export async function listRuleSets(pool: Pool, { kind, after, countMax }: RuleSetPage): Promise<ListedRuleSet[]> {
  const { rows } = await pool.query<ListedRow>(
    `select *, create_time::text as time_text from (${listed}) as listed
     where ($1::text is null or kind = $1)
       and ($2::timestamptz is null or (create_time, key) < ($2::timestamptz, $3::text))
     order by create_time desc, key desc limit $4`,
    [kind ?? null, after?.timeText ?? null, after?.key ?? null, countMax],
  )
  return rows.map((row) => ({
    kind: row.kind,
    key: row.key,
    description: row.description,
    contributors: row.contributors,
    baseVersion: row.base_version,
    revision: row.revision,
    publisher: row.publisher,
    reason: row.reason,
    rolledBackTo: row.rolled_back_to,
    createTimeMs: row.create_time.getTime(),
    updateTimeMs: row.update_time.getTime(),
    timeText: row.time_text,
  }))
}
