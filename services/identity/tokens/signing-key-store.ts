import type pg from 'pg'
import type { PublicJwk, SigningAlgorithm, SigningKeyRow } from './signing-key.js'

interface Row {
  generation: number
  kid: string
  algorithm: SigningAlgorithm
  public_jwk: PublicJwk
  wrapping_key_id: string
  wrapped_private_jwk: Buffer
  publish_time: Date
  sign_time: Date
  retire_time: Date | null
}

export class SigningKeyStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Stores a key unless its generation exists. Who loses the race takes the winner's key from `list`. */
  async add(key: SigningKeyRow): Promise<'added' | 'generation_exists'> {
    const { rowCount } = await this.#pool.query({
      name: 'add-signing-key',
      text: `insert into signing_keys
          (generation, kid, algorithm, public_jwk, wrapping_key_id, wrapped_private_jwk, publish_time, sign_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (generation) do nothing`,
      values: [
        key.generation,
        key.kid,
        key.algorithm,
        key.publicJwk,
        key.privateJwk.keyId,
        key.privateJwk.sealed,
        new Date(key.publishTimeMs),
        new Date(key.signTimeMs),
      ],
    })
    return rowCount === 1 ? 'added' : 'generation_exists'
  }

  /** The keys not yet retired at that time, oldest first. */
  async list(nowMs: number): Promise<SigningKeyRow[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'list-signing-keys',
      text: `select generation, kid, algorithm, public_jwk, wrapping_key_id, wrapped_private_jwk,
          publish_time, sign_time, retire_time
        from signing_keys where retire_time is null or retire_time > $1 order by generation`,
      values: [new Date(nowMs)],
    })
    return rows.map(keyOf)
  }
}

function keyOf(row: Row): SigningKeyRow {
  return {
    generation: row.generation,
    kid: row.kid,
    algorithm: row.algorithm,
    publicJwk: row.public_jwk,
    privateJwk: { keyId: row.wrapping_key_id, sealed: row.wrapped_private_jwk },
    publishTimeMs: row.publish_time.getTime(),
    signTimeMs: row.sign_time.getTime(),
    retireTimeMs: row.retire_time?.getTime(),
  }
}
