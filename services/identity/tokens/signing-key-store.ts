import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { appendEvent, type AuditEvent } from '../audit/audit-chain.js'
import type { AuditWho } from '../audit/audit-record.js'
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

  /** Stores the first key unless there is one. Who loses the race takes the winner's key from `list`. */
  async add(key: SigningKeyRow, who: AuditWho): Promise<'added' | 'generation_exists'> {
    return await transaction(this.#pool, async (client) => {
      if (!(await insertKey(client, key))) return 'generation_exists'
      await appendEvent(client, eventOf('SIGNING_KEY_ROTATED', key.kid, {}, who, key.publishTimeMs))
      return 'added'
    })
  }

  /** Stores the next key and says when those before it retire, both or neither. */
  async rotate(key: SigningKeyRow, retireTimeMs: number, who: AuditWho): Promise<'added' | 'generation_exists'> {
    return await transaction(this.#pool, async (client) => {
      if (!(await insertKey(client, key))) return 'generation_exists'
      await client.query({
        name: 'retire-signing-keys',
        text: `update signing_keys set retire_time = $2
          where generation < $1 and (retire_time is null or retire_time > $2) and sign_time < $2`,
        values: [key.generation, new Date(retireTimeMs)],
      })
      const details = { othersRetireTime: new Date(retireTimeMs).toISOString() }
      await appendEvent(client, eventOf('SIGNING_KEY_ROTATED', key.kid, details, who, key.publishTimeMs))
      return 'added'
    })
  }

  /** Puts a retired key back into the key set until a time, so that what it signed verifies again; whether there is one. */
  async republish(kid: string, retireTimeMs: number, who: AuditWho, nowMs: number): Promise<boolean> {
    return await transaction(this.#pool, async (client) => {
      const { rowCount } = await client.query({
        name: 'republish-signing-key',
        text: `update signing_keys set retire_time = $2 where kid = $1 and retire_time < $2`,
        values: [kid, new Date(retireTimeMs)],
      })
      if (rowCount !== 1) return false
      const details = { retireTime: new Date(retireTimeMs).toISOString() }
      await appendEvent(client, eventOf('SIGNING_KEY_REPUBLISHED', kid, details, who, nowMs))
      return true
    })
  }

  /** Deletes at most `countMax` keys that retired a week ago: nothing that they signed is good any more. */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from signing_keys where generation in (select generation from signing_keys
        where retire_time < $1::timestamptz - interval '7 days' limit $2 for update skip locked)`,
      [new Date(nowMs), countMax],
    )
    return rowCount ?? 0
  }

  /** Every key that is there, retired ones too, oldest first. */
  async listAll(): Promise<SigningKeyRow[]> {
    return await this.list(0)
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

function eventOf(
  event: 'SIGNING_KEY_ROTATED' | 'SIGNING_KEY_REPUBLISHED',
  kid: string,
  details: Readonly<Record<string, string>>,
  who: AuditWho,
  timeMs: number,
): AuditEvent {
  return { event, who, timeMs, resource: '', details: { kid, ...details } }
}

async function insertKey(db: Pick<pg.ClientBase, 'query'>, key: SigningKeyRow): Promise<boolean> {
  const { rowCount } = await db.query({
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
  return rowCount === 1
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
