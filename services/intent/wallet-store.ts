// Wallets in PostgreSQL.
import { type Pool } from 'pg'
import { type RequestKey } from './intent.js'
import { type Wallet } from './wallet.js'

export type WalletInserted =
  { readonly kind: 'inserted' } | { readonly kind: 'taken'; readonly winner: Wallet; readonly requestHash: Buffer }

export interface WalletPage {
  /** Whose wallets; undefined means everybody's. */
  readonly owner: string | undefined
  /** Only wallets newer than this one. */
  readonly afterId: string | undefined
  readonly countMax: number
}

interface WalletRow {
  id: string
  owner: string
  asset_code: string
  display_name: string
  create_time: Date
  open_time: Date | null
  request_hash: Buffer
}

/** Writes a new wallet unless its creator used the request id before. */
export async function insertWallet(pool: Pool, wallet: Wallet, key: RequestKey): Promise<WalletInserted> {
  const written = await pool.query(
    `insert into wallets (id, creator, request_id, request_hash, owner, asset_code, display_name, create_time)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (creator, request_id) do nothing`,
    [
      wallet.id,
      key.creator,
      key.requestId,
      key.requestHash,
      wallet.owner,
      wallet.assetCode,
      wallet.displayName,
      new Date(wallet.createTimeMs),
    ],
  )
  if (written.rowCount === 1) return { kind: 'inserted' }
  const { rows } = await pool.query<WalletRow>('select * from wallets where creator = $1 and request_id = $2', [
    key.creator,
    key.requestId,
  ])
  const winner = rows[0]
  if (winner === undefined) throw new Error('the winner of a conflict is there to be read')
  return { kind: 'taken', winner: walletFromRow(winner), requestHash: winner.request_hash }
}

/** Records that the wallet's account in the Ledger exists. */
export async function markWalletOpen(pool: Pool, id: string, nowMs: number): Promise<void> {
  await pool.query('update wallets set open_time = $2 where id = $1 and open_time is null', [id, new Date(nowMs)])
}

export async function walletsById(pool: Pool, ids: readonly string[]): Promise<Wallet[]> {
  const { rows } = await pool.query<WalletRow>('select * from wallets where id = any($1::uuid[])', [ids])
  return rows.map(walletFromRow)
}

/** Lists wallets, oldest first. */
export async function listWallets(pool: Pool, page: WalletPage): Promise<Wallet[]> {
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

function walletFromRow(row: WalletRow): Wallet {
  return {
    id: row.id,
    owner: row.owner,
    assetCode: row.asset_code,
    displayName: row.display_name,
    createTimeMs: row.create_time.getTime(),
    open: row.open_time !== null,
  }
}
