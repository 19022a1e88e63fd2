// Wallets in PostgreSQL.
import { type Pool } from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { type RequestKey } from '../intents/intent.js'
import { type StoredWallet, walletsMax } from './wallet.js'

export type WalletInserted =
  | { readonly kind: 'inserted' }
  | { readonly kind: 'taken'; readonly winner: StoredWallet; readonly requestHash: Buffer }
  /** The owner has as many in the asset as one may have. */
  | { readonly kind: 'tooMany' }

export interface WalletPage {
  /** Whose wallets; undefined means everybody's. */
  readonly owner: string | undefined
  /** Only wallets newer than this one. */
  readonly afterId: string | undefined
  readonly countMax: number
}

/** What an owner may change; undefined leaves it as it is. */
export interface WalletChange {
  readonly displayName: string | undefined
  readonly labels: Readonly<Record<string, string>> | undefined
}

interface WalletRow {
  id: string
  owner: string
  asset_code: string
  display_name: string
  labels: Record<string, string>
  revision: number
  create_time: Date
  open_time: Date | null
  close_time: Date | null
  request_hash: Buffer
}

/** Writes a new wallet unless its creator used the request id before, or its owner has too many. */
export async function insertWallet(pool: Pool, wallet: StoredWallet, key: RequestKey): Promise<WalletInserted> {
  const isWritten = await transaction(pool, async (client) => {
    // Two at once would both count the wallets before either is there.
    const counted = `wallets of ${wallet.owner} in ${wallet.assetCode}`
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [counted])
    const { rowCount } = await client.query(insertText, insertValues(wallet, key))
    return rowCount === 1
  })
  if (isWritten) return { kind: 'inserted' }
  const { rows } = await pool.query<WalletRow>('select * from wallets where creator = $1 and request_id = $2', [
    key.creator,
    key.requestId,
  ])
  const winner = rows[0]
  if (winner === undefined) return { kind: 'tooMany' }
  return { kind: 'taken', winner: walletFromRow(winner), requestHash: winner.request_hash }
}

const insertText = `
insert into wallets (id, creator, request_id, request_hash, owner, asset_code, display_name, labels, create_time)
select $1::uuid, $2::text, $3::text, $4::bytea, $5::text, $6::text, $7::text, $8::jsonb, $9::timestamptz
where (select count(*) from wallets where owner = $5 and asset_code = $6 and close_time is null) < $10
on conflict (creator, request_id) do nothing`

function insertValues(wallet: StoredWallet, key: RequestKey): unknown[] {
  const { id, owner, assetCode, displayName, labels } = wallet
  const { creator, requestId, requestHash } = key
  const createTime = new Date(wallet.createTimeMs)
  const labelsJson = JSON.stringify(labels)
  return [id, creator, requestId, requestHash, owner, assetCode, displayName, labelsJson, createTime, walletsMax]
}

/** Records that the wallet's account in the Ledger exists. */
export async function markWalletOpen(pool: Pool, id: string, nowMs: number): Promise<void> {
  await pool.query('update wallets set open_time = $2 where id = $1 and open_time is null', [id, new Date(nowMs)])
}

/** Records that the Ledger closed the wallet's account for ever, and switches off the rule by which it was filled. */
export async function markWalletClosed(pool: Pool, id: string, nowMs: number): Promise<void> {
  await transaction(pool, async (client) => {
    await client.query('update wallets set close_time = $2 where id = $1 and close_time is null', [id, new Date(nowMs)])
    // A statement of its own, which sees a rule that was made while the one before waited for the wallet.
    await client.query(
      'update auto_top_ups set enabled = false, revision = revision + 1 where wallet_id = $1 and enabled',
      [id],
    )
  })
}

/** Changes a wallet; with a revision only while it is the wallet's. Undefined when it is not. */
export async function changeWallet(
  pool: Pool,
  id: string,
  change: WalletChange,
  revision: number | undefined,
): Promise<StoredWallet | undefined> {
  const labels = change.labels && JSON.stringify(change.labels)
  const { rows } = await pool.query<WalletRow>(
    `update wallets
     set display_name = coalesce($2, display_name), labels = coalesce($3::jsonb, labels), revision = revision + 1
     where id = $1 and ($4::integer is null or revision = $4)
     returning *`,
    [id, change.displayName ?? null, labels ?? null, revision ?? null],
  )
  return rows[0] && walletFromRow(rows[0])
}

export async function walletsById(pool: Pool, ids: readonly string[]): Promise<StoredWallet[]> {
  const { rows } = await pool.query<WalletRow>('select * from wallets where id = any($1::uuid[])', [ids])
  return rows.map(walletFromRow)
}

/** Lists wallets, oldest first. */
export async function listWallets(pool: Pool, page: WalletPage): Promise<StoredWallet[]> {
  const { rows } =
    page.owner === undefined
      ? await pool.query<WalletRow>('select * from wallets where ($1::uuid is null or id > $1) order by id limit $2', [
          page.afterId ?? null,
          page.countMax,
        ])
      : await pool.query<WalletRow>(
          'select * from wallets where owner = $3 and ($1::uuid is null or id > $1) order by id limit $2',
          [page.afterId ?? null, page.countMax, page.owner],
        )
  return rows.map(walletFromRow)
}

function walletFromRow(row: WalletRow): StoredWallet {
  return {
    id: row.id,
    owner: row.owner,
    assetCode: row.asset_code,
    displayName: row.display_name,
    labels: row.labels,
    revision: row.revision,
    createTimeMs: row.create_time.getTime(),
    open: row.open_time !== null,
    closeTimeMs: row.close_time?.getTime(),
  }
}
