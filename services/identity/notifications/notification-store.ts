import type pg from 'pg'
import { z } from 'zod'
import type { Keyring, Wrapped } from '../../runtime/keyring.js'
import { Secret } from '../../runtime/secret.js'
import type { Notification, NotificationKind } from './notification.js'

/** A notification as stored: whom it goes to and what it says is sealed. */
export interface SealedNotification {
  id: string
  content: Wrapped
  createTimeMs: number
  expireTimeMs: number
}

interface Row {
  id: string
  wrapping_key_id: string
  sealed: Buffer
  expire_time: Date
}

const kinds = [
  'CONTACT_CODE',
  'ALREADY_REGISTERED',
  'PASSWORD_RESET_CODE',
  'PASSWORD_CHANGED',
  'DEVICE_CODE',
  'DEVICE_BOUND',
  'DEVICE_UNBOUND',
  'PIN_CHANGED',
  'NOTHING',
] as const satisfies readonly NotificationKind[]
const contentSchema = z.object({ kind: z.enum(kinds), email: z.string(), code: z.string().optional() })

/** Seals a notification, to be stored with whatever it tells of. */
export function sealNotification(keyring: Keyring, notification: Notification, nowMs: number): SealedNotification {
  const { id, kind, email, code, expireTimeMs } = notification
  const text = JSON.stringify({ kind, email: email.reveal(), code: code?.reveal() })
  return { id, content: keyring.wrap(new Secret(Buffer.from(text)), context(id)), createTimeMs: nowMs, expireTimeMs }
}

/** Stores a notification in the transaction of what it tells of: told exactly if that happened. */
export async function addNotification(client: pg.ClientBase, sealed: SealedNotification): Promise<void> {
  await client.query({
    name: 'add-notification',
    text: `insert into notifications (id, wrapping_key_id, sealed, next_time, expire_time) values ($1, $2, $3, $4, $5)`,
    values: [
      sealed.id,
      sealed.content.keyId,
      sealed.content.sealed,
      new Date(sealed.createTimeMs),
      new Date(sealed.expireTimeMs),
    ],
  })
}

export class NotificationStore {
  readonly #pool: pg.Pool
  readonly #keyring: Keyring

  constructor(pool: pg.Pool, keyring: Keyring) {
    this.#pool = pool
    this.#keyring = keyring
  }

  /**
   * Takes at most `countMax` that are due and puts their next attempt off, by 2 s at first and twice as long each time, so
   * that no other replica takes them meanwhile, and one that dies with them loses none.
   */
  async take(nowMs: number, countMax: number): Promise<Notification[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'take-notifications',
      text: `update notifications set try_count = try_count + 1,
          next_time = $1::timestamptz + make_interval(secs => power(2, least(try_count + 1, 10)))
        where id in (
          select id from notifications where next_time <= $1 order by next_time limit $2 for update skip locked)
        returning id, wrapping_key_id, sealed, expire_time`,
      values: [new Date(nowMs), countMax],
    })
    return rows.map((row) => this.#open(row))
  }

  /** Forgets a notification: it was delivered, or is of no use any more. */
  async remove(id: string): Promise<void> {
    await this.#pool.query({
      name: 'remove-notification',
      text: `delete from notifications where id = $1`,
      values: [id],
    })
  }

  #open({ id, wrapping_key_id, sealed, expire_time }: Row): Notification {
    const bytes = this.#keyring.unwrap({ keyId: wrapping_key_id, sealed }, context(id))
    const { kind, email, code } = contentSchema.parse(JSON.parse(bytes.reveal().toString()))
    return {
      id,
      kind,
      email: new Secret(email, 'e-mail'),
      code: code === undefined ? undefined : new Secret(code, 'code'),
      expireTimeMs: expire_time.getTime(),
    }
  }
}

function context(id: string): string {
  return `notifications/${id}#content`
}
