import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { challengesMax } from './device.js'

/** Bytes that a device is to sign. */
export interface StoredChallenge {
  id: string
  userId: string
  /** For which session; undefined for a token that is of none. */
  sessionId: string | undefined
  /** Who is to sign; undefined for a device that is being bound. */
  deviceId: string | undefined
  challenge: Buffer
  createTimeMs: number
  expireTimeMs: number
}

/** A challenge that came back, and the key of the device for which it was made. */
export interface TakenChallenge {
  challenge: Buffer
  deviceId: string | null
  publicKey: Buffer | null
}

export class ChallengeStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async add(challenge: StoredChallenge): Promise<void> {
    await transaction(this.#pool, async (client) => {
      await client.query({
        name: 'add-challenge',
        text: `insert into device_challenges (id, user_id, session_id, device_id, challenge, create_time, expire_time)
          values ($1, $2, $3, $4, $5, $6, $7)`,
        values: [
          challenge.id,
          challenge.userId,
          challenge.sessionId ?? null,
          challenge.deviceId ?? null,
          challenge.challenge,
          new Date(challenge.createTimeMs),
          new Date(challenge.expireTimeMs),
        ],
      })
      await client.query({
        name: 'drop-old-challenges',
        text: `delete from device_challenges where id in (
          select id from device_challenges where user_id = $1 order by create_time desc, id desc offset $2)`,
        values: [challenge.userId, challengesMax],
      })
    })
  }

  /**
   * Takes a challenge of this user, session and kind that is in force: of any number at once one gets it. Another user's stays
   * where it is.
   */
  async take(
    id: string,
    of: { userId: string; sessionId: string | undefined; forDevice: boolean },
    nowMs: number,
  ): Promise<TakenChallenge | undefined> {
    const { rows } = await this.#pool.query<TakenChallenge>({
      name: 'take-challenge',
      text: `delete from device_challenges c
        where c.id = $1 and c.user_id = $2 and c.session_id is not distinct from $3::uuid
          and (c.device_id is not null) = $4 and c.expire_time > $5
        returning c.challenge, c.device_id as "deviceId",
          (select d.public_key from devices d where d.id = c.device_id) as "publicKey"`,
      values: [id, of.userId, of.sessionId ?? null, of.forDevice, new Date(nowMs)],
    })
    return rows[0]
  }

  /** Deletes at most `countMax` challenges whose time is past. */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from device_challenges where id in (
        select id from device_challenges where expire_time <= $1 limit $2 for update skip locked)`,
      [new Date(nowMs), countMax],
    )
    return rowCount ?? 0
  }
}
