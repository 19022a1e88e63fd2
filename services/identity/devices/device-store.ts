import type pg from 'pg'
import { isUniqueViolation, transaction } from '../../runtime/postgres.js'
import { type PresentedCode, spendCode } from '../codes/code-store.js'
import { addNotification, type SealedNotification } from '../notifications/notification-store.js'
import { devicesMax } from './device.js'

/** A device as stored: what the user calls it is sealed. */
export interface StoredDevice {
  id: string
  userId: string
  displayName: Buffer
  publicKey: Buffer
  keyHash: Buffer
  createTimeMs: number
  useTimeMs: number | undefined
}

export interface NewDevice extends Omit<StoredDevice, 'useTimeMs'> {
  attestation: Buffer
  /** The code that has to be spent for it; undefined when none is needed. */
  code: PresentedCode | undefined
  notification: SealedNotification | undefined
}

export type Bound =
  | { kind: 'bound'; device: StoredDevice }
  | { kind: 'key_taken' }
  | { kind: 'too_many' }
  /** The code was spent by another call meanwhile. */
  | { kind: 'code_spent' }

interface Row {
  id: string
  user_id: string
  display_name: Buffer
  public_key: Buffer
  key_hash: Buffer
  create_time: Date
  use_time: Date | null
}

const columns = 'id, user_id, display_name, public_key, key_hash, create_time, use_time'

export class DeviceStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Binds a device, all of it or nothing. A key that the user bound before is answered as it is. */
  async bind(device: NewDevice): Promise<Bound> {
    try {
      return await transaction(this.#pool, (client) => bind(client, device))
    } catch (error) {
      // Somebody else bound it since it was looked for.
      if (isUniqueViolation(error, 'devices_key_taken')) return { kind: 'key_taken' }
      throw error
    }
  }

  async find(userId: string, id: string): Promise<StoredDevice | undefined> {
    const { rows } = await this.#pool.query<Row>({
      name: 'find-device',
      text: `select ${columns} from devices where id = $2 and user_id = $1`,
      values: [userId, id],
    })
    return rows.map(deviceOf)[0]
  }

  /** All of a user's, oldest first. */
  async list(userId: string): Promise<StoredDevice[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'list-devices',
      text: `select ${columns} from devices where user_id = $1 order by create_time, id`,
      values: [userId],
    })
    return rows.map(deviceOf)
  }

  /** Forgets a device and ends the sessions that it stepped up, but for one; whether there was such a device. */
  async unbind(
    device: { userId: string; id: string },
    exceptSessionId: string | undefined,
    notification: SealedNotification | undefined,
    nowMs: number,
  ): Promise<boolean> {
    return await transaction(this.#pool, async (client) => {
      await client.query({
        name: 'revoke-sessions-of-device',
        text: `update sessions set revoke_time = $4, revoke_reason = 'DEVICE_UNBOUND'
          where user_id = $1 and device_id = $2 and id is distinct from $3::uuid and revoke_time is null`,
        values: [device.userId, device.id, exceptSessionId ?? null, new Date(nowMs)],
      })
      const { rowCount } = await client.query({
        name: 'unbind-device',
        text: `delete from devices where id = $2 and user_id = $1`,
        values: [device.userId, device.id],
      })
      if (rowCount === 1 && notification !== undefined) await addNotification(client, notification)
      return rowCount === 1
    })
  }
}

async function bind(client: pg.ClientBase, device: NewDevice): Promise<Bound> {
  // One binding of a user at a time, so that the devices can be counted.
  await client.query({
    name: 'lock-user',
    text: `select from users where id = $1 for no key update`,
    values: [device.userId],
  })
  const { rows } = await client.query<Row>({
    name: 'find-device-by-key',
    text: `select ${columns} from devices where key_hash = $1`,
    values: [device.keyHash],
  })
  const [known] = rows.map(deviceOf)
  if (known !== undefined && known.userId !== device.userId) return { kind: 'key_taken' }
  const isSpent = device.code === undefined || (await spendCode(client, device.code))
  if (!isSpent) return { kind: 'code_spent' }
  if (known !== undefined) return { kind: 'bound', device: known }
  const added = await insert(client, device)
  if (added === undefined) return { kind: 'too_many' }
  if (device.notification !== undefined) await addNotification(client, device.notification)
  return { kind: 'bound', device: added }
}

async function insert(client: pg.ClientBase, device: NewDevice): Promise<StoredDevice | undefined> {
  const { rows } = await client.query<Row>({
    name: 'bind-device',
    text: `insert into devices (id, user_id, display_name, public_key, key_hash, attestation, create_time)
      select $1, $2, $3, $4, $5, $6, $7 where (select count(*) from devices where user_id = $2) < $8
      returning ${columns}`,
    values: [
      device.id,
      device.userId,
      device.displayName,
      device.publicKey,
      device.keyHash,
      device.attestation,
      new Date(device.createTimeMs),
      devicesMax,
    ],
  })
  return rows.map(deviceOf)[0]
}

function deviceOf(row: Row): StoredDevice {
  return {
    id: row.id,
    userId: row.user_id,
    displayName: row.display_name,
    publicKey: row.public_key,
    keyHash: row.key_hash,
    createTimeMs: row.create_time.getTime(),
    useTimeMs: row.use_time?.getTime(),
  }
}
