// Rules of automatic top-ups in PostgreSQL. Every time is by the database's clock, so that replicas agree about days.
import { type Pool, type PoolClient } from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { type AutoTopUp, type AutoTopUpRule, noRule } from './auto-top-up.js'

interface Row {
  wallet_id: string
  enabled: boolean
  threshold_minor: bigint | null
  amount_minor: bigint | null
  source_wallet: string | null
  daily_cap_minor: bigint | null
  revision: number
  round: bigint
  pending_minor: bigint | null
  pending_source: string | null
  used_today: bigint
  nudges: bigint
  retry_time: Date | null
  last_failure_reason: string | null
  last_failure_time: Date | null
  last_intent: string | null
}

const today = `(now() at time zone 'UTC')::date`
const usedToday = `case when used_day = ${today} then used_minor else 0 end`
const columns = `wallet_id, enabled, threshold_minor, amount_minor, source_wallet, daily_cap_minor, revision, round,
  pending_minor, pending_source, ${usedToday} as used_today, nudges, retry_time, last_failure_reason, last_failure_time,
  last_intent`

/** The wallet's rule; undefined when it never had one. */
export async function findAutoTopUp(pool: Pool | PoolClient, walletId: string): Promise<AutoTopUp | undefined> {
  const { rows } = await pool.query<Row>(`select ${columns} from auto_top_ups where wallet_id = $1`, [walletId])
  return rows[0] && fromRow(rows[0])
}

export type Changed =
  | { readonly kind: 'changed'; readonly rule: AutoTopUp }
  /** This wallet is closed, so that the rule cannot be enabled. Nothing changed. */
  | { readonly kind: 'closed'; readonly walletId: string }

/**
 * Changes a wallet's rule to what `change` makes of it, which may throw to leave it. A rule that was changed begins anew:
 * no failures, no back-off, and it is looked at soon. A round that has begun goes on.
 */
export async function changeAutoTopUp(
  pool: Pool,
  walletId: string,
  change: (rule: AutoTopUpRule) => AutoTopUpRule,
): Promise<Changed> {
  return await transaction(pool, async (client) => {
    // The wallet before its rule, as closing takes them: who closes it waits, or has closed it.
    await client.query('select from wallets where id = $1 for share', [walletId])
    await client.query('insert into auto_top_ups (wallet_id) values ($1) on conflict do nothing', [walletId])
    await client.query('select from auto_top_ups where wallet_id = $1 for update', [walletId])
    const rule = change((await findAutoTopUp(client, walletId)) ?? noRule)
    const closed = rule.enabled ? await closedOf(client, [walletId, rule.sourceWalletId ?? walletId]) : undefined
    if (closed !== undefined) return { kind: 'closed', walletId: closed }
    const { rows } = await client.query<Row>(
      `update auto_top_ups
       set enabled = $2, threshold_minor = $3, amount_minor = $4, source_wallet = $5, daily_cap_minor = $6,
         revision = revision + 1, check_time = now(), nudges = nudges + 1,
         retry_time = null, failures = 0, last_failure_reason = null, last_failure_time = null
       where wallet_id = $1 returning ${columns}`,
      [walletId, rule.enabled, rule.thresholdMinor, rule.amountMinor, rule.sourceWalletId, rule.dailyCapMinor],
    )
    return { kind: 'changed', rule: fromRow(only(rows)) }
  })
}

async function closedOf(client: PoolClient, walletIds: readonly string[]): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    'select id from wallets where id = any($1::uuid[]) and close_time is not null',
    [walletIds],
  )
  return rows[0]?.id
}

/** Has the rules of these wallets looked at, as soon as their back-off lets anybody. Answers how many have one. */
export async function nudgeAutoTopUps(pool: Pool, walletIds: readonly string[]): Promise<number> {
  const { rowCount } = await pool.query({
    name: 'auto-top-up-nudge',
    // In one order, so that two replicas with the same wallets cannot wait for each other in a ring.
    text: `with paying as materialized (
             select wallet_id as id from auto_top_ups where wallet_id = any($1::uuid[]) and enabled
             order by wallet_id for update
           )
           update auto_top_ups set nudges = nudges + 1, check_time = greatest(now(), retry_time)
           from paying where wallet_id = paying.id`,
    values: [walletIds],
  })
  return rowCount ?? 0
}

/** Takes rules that are due; nobody else looks at them for `leaseMs` unless a payment asks for it. */
export async function claimAutoTopUps(pool: Pool, leaseMs: number, countMax: number): Promise<AutoTopUp[]> {
  const { rows } = await pool.query<Row>({
    name: 'auto-top-up-claim',
    text: `
      with due as materialized (
        select wallet_id as id from auto_top_ups
        where check_time <= now() and (enabled or pending_minor is not null)
        order by check_time limit $2 for update skip locked
      )
      update auto_top_ups set check_time = now() + make_interval(secs => $1::float8 / 1000)
      from due where wallet_id = due.id
      returning ${columns}`,
    values: [leaseMs, countMax],
  })
  return rows.map(fromRow)
}

type Seen = Pick<AutoTopUp, 'walletId' | 'round' | 'revision' | 'nudges'>

/** Nothing is to be done for now: the rule is looked at in an hour, or at once when a payment came in between. */
export async function rest(pool: Pool, { walletId, round, revision, nudges }: Seen): Promise<void> {
  await pool.query(
    `update auto_top_ups
     set check_time = case when nudges = $4 then now() + interval '1 hour' * (1 + random() / 4) else now() end
     where wallet_id = $1 and round = $2 and revision = $3 and pending_minor is null`,
    [walletId, round, revision, nudges],
  )
}

/**
 * Begins the round after the one that was seen, and counts its amount as used. Undefined when somebody else began one or
 * changed the rule since, or when the day's cap leaves no room: then the rule rests until the next day.
 */
export async function beginRound(
  pool: Pool,
  { walletId, round, revision }: Pick<Seen, 'walletId' | 'round' | 'revision'>,
): Promise<AutoTopUp | undefined> {
  const { rows } = await pool.query<Row>(
    `update auto_top_ups
     set round = round + 1, pending_minor = amount_minor, pending_source = source_wallet,
       used_minor = ${usedToday} + amount_minor, used_day = ${today}
     where wallet_id = $1 and round = $2 and revision = $3 and enabled and pending_minor is null
       and amount_minor <= daily_cap_minor - ${usedToday}
     returning ${columns}`,
    [walletId, round, revision],
  )
  if (rows[0] !== undefined) return fromRow(rows[0])
  await pool.query(
    `update auto_top_ups
     set check_time = (${today} + 1) at time zone 'UTC', retry_time = (${today} + 1) at time zone 'UTC'
     where wallet_id = $1 and round = $2 and revision = $3 and pending_minor is null
       and amount_minor > daily_cap_minor - ${usedToday}`,
    [walletId, round, revision],
  )
  return undefined
}

/** Has a round whose payment waits for a person looked at again in five minutes. */
export async function awaitRound(pool: Pool, walletId: string, round: bigint): Promise<void> {
  await pool.query(
    `update auto_top_ups set check_time = now() + interval '5 minutes'
     where wallet_id = $1 and round = $2 and pending_minor is not null`,
    [walletId, round],
  )
}

/** Ends a round whose payment settled; the rule is looked at again at once, in case that was not enough. */
export async function endRound(pool: Pool, walletId: string, round: bigint, intentId: string): Promise<void> {
  await pool.query(
    `update auto_top_ups
     set pending_minor = null, pending_source = null, last_intent = $3, check_time = now(),
       retry_time = null, failures = 0, last_failure_reason = null, last_failure_time = null
     where wallet_id = $1 and round = $2 and pending_minor is not null`,
    [walletId, round, intentId],
  )
}

/**
 * Ends a round that moved nothing: its amount is used no longer, and the next waits a minute, doubling with each failure
 * in a row to a day. The day of the amount is that of the round: no other has begun since.
 */
export async function failRound(
  pool: Pool,
  walletId: string,
  round: bigint,
  { reason, intentId }: { readonly reason: string; readonly intentId: string | undefined },
): Promise<void> {
  await pool.query(
    `update auto_top_ups
     set pending_minor = null, pending_source = null, used_minor = used_minor - pending_minor,
       last_intent = coalesce($4, last_intent), last_failure_reason = $3, last_failure_time = now(),
       failures = failures + 1, check_time = now() + ${backOff}, retry_time = now() + ${backOff}
     where wallet_id = $1 and round = $2 and pending_minor is not null`,
    [walletId, round, reason, intentId ?? null],
  )
}

const backOff = `least(interval '1 day', interval '1 minute' * 2 ^ least(failures, 11))`

function fromRow(row: Row): AutoTopUp {
  const { pending_minor: amountMinor, pending_source: source, last_failure_reason: reason } = row
  return {
    walletId: row.wallet_id,
    enabled: row.enabled,
    thresholdMinor: row.threshold_minor ?? undefined,
    amountMinor: row.amount_minor ?? undefined,
    sourceWalletId: row.source_wallet ?? undefined,
    dailyCapMinor: row.daily_cap_minor ?? undefined,
    revision: row.revision,
    round: row.round,
    pending: amountMinor === null || source === null ? undefined : { amountMinor, sourceWalletId: source },
    usedTodayMinor: row.used_today,
    nudges: row.nudges,
    retryMs: row.retry_time?.getTime(),
    lastFailure: reason === null ? undefined : { reason, timeMs: row.last_failure_time?.getTime() ?? 0 },
    lastIntentId: row.last_intent ?? undefined,
  }
}

function only(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new Error('the rule is gone while it was locked')
  return row
}
