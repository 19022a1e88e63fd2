import type pg from 'pg'

/** Something that is counted. */
export interface Asset {
  readonly code: string
  readonly scale: number
  /** The number of the ledger that its accounts live on. */
  readonly ledger: number
  /** The number of the ledger on which caps on its amounts are kept. */
  readonly limitsLedger: number
}

// Ledgers of assets are numbered from one; these lie beyond any number of assets there will be, and within a u32.
const LIMITS_LEDGER_OFFSET = 1_000_000_000
/** The number of the ledger on which caps on counts are kept. */
export const COUNTS_LEDGER = 2_000_000_000

interface AssetRow {
  readonly code: string
  readonly scale: number
  readonly ledger: string
}

function assetOf({ code, scale, ledger }: AssetRow): Asset {
  return { code, scale, ledger: Number(ledger), limitsLedger: LIMITS_LEDGER_OFFSET + Number(ledger) }
}

/** Assets are defined once and never change, so each is read from the database once. There are dozens, not millions. */
export class AssetStore {
  readonly #pool: pg.Pool
  readonly #known = new Map<string, Asset>()

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The asset as it is defined: by this call, or with whatever scale it was before. */
  async define(code: string, scale: number): Promise<Asset> {
    await this.#pool.query('insert into assets (code, scale) values ($1, $2) on conflict (code) do nothing', [
      code,
      scale,
    ])
    const asset = await this.find(code)
    if (asset === undefined) throw new Error(`the asset ${code} vanished`)
    return asset
  }

  async find(code: string): Promise<Asset | undefined> {
    const known = this.#known.get(code)
    if (known !== undefined) return known
    const { rows } = await this.#pool.query<AssetRow>('select code, scale, ledger::text from assets where code = $1', [
      code,
    ])
    const asset = rows[0] && assetOf(rows[0])
    if (asset !== undefined) this.#known.set(code, asset)
    return asset
  }

  /** Assets after a code, in the order of their codes. */
  async list(afterCode: string, countMax: number): Promise<Asset[]> {
    const { rows } = await this.#pool.query<AssetRow>(
      'select code, scale, ledger::text from assets where code > $1 order by code limit $2',
      [afterCode, countMax],
    )
    return rows.map(assetOf)
  }
}
