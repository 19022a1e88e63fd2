import type pg from 'pg'
import { isUniqueViolation, transaction } from '../../runtime/postgres.js'
import type { CodeLetter } from '../codes/code-letter.js'
import { putCode } from '../codes/code-store.js'
import { addNotification } from '../notifications/notification-store.js'
import { isRole, type Role } from '../roles/roles.js'
import type { SealedPerson } from '../vault/vault.js'

/** A user as stored: what is personal is still sealed. */
export interface StoredUser {
  id: string
  person: SealedPerson
  roles: readonly Role[]
  createTimeMs: number
  /** Undefined until then. */
  contactVerifyTimeMs: number | undefined
}

/** A user who wrote an address, and the hash of the password. */
export interface PasswordOfUser {
  userId: string
  hash: string
  contactVerified: boolean
}

export interface NewUser extends Omit<StoredUser, 'contactVerifyTimeMs'> {
  emailIndex: Buffer
  letter: CodeLetter
  passwordHash: string
  /** Who gives the first roles. */
  granter: string
}

interface UserRow {
  id: string
  email: Buffer
  display_name: Buffer
  wrapping_key_id: string
  wrapped_key: Buffer
  create_time: Date
  contact_verify_time: Date | null
  roles: string[]
}

export class UserStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Stores a user with key, password, roles and the first code to the contact, all or nothing. */
  async create(user: NewUser): Promise<void> {
    await transaction(this.#pool, async (client) => {
      await insertUser(client, user)
      await putCode(client, user.letter.code)
      await addNotification(client, user.letter.notification)
    })
  }

  /** The user; undefined when there is none, or when the user's data key was dropped. */
  async find(id: string): Promise<StoredUser | undefined> {
    const { rows } = await this.#pool.query<UserRow>({
      name: 'find-user',
      text: `select u.id, u.email, u.display_name, u.create_time, u.contact_verify_time, k.wrapping_key_id, k.wrapped_key,
          array(select role from grants g where g.user_id = u.id order by role) as roles
        from users u join data_keys k on k.user_id = u.id
        where u.id = $1`,
      values: [id],
    })
    const [row] = rows
    return row && userOf(row)
  }

  /**
   * The users who wrote this address, with their password hashes: the one who verified it first, then the oldest first.
   * One query, the same for known and unknown addresses. More than 256 never are told: an address that so many registered
   * and signed in with is under attack, and its owner is first once it is verified.
   */
  async findPasswords(emailIndex: Buffer): Promise<PasswordOfUser[]> {
    const { rows } = await this.#pool.query<PasswordOfUser>({
      name: 'find-passwords',
      text: `select u.id as "userId", p.hash, u.contact_verify_time is not null as "contactVerified"
        from users u join passwords p on p.user_id = u.id where u.email_index = $1
        order by u.contact_verify_time is null, u.create_time, u.id limit 256`,
      values: [emailIndex],
    })
    return rows
  }

  /**
   * Notes that the user's contact is verified, and answers since when, the first time; `taken` when another user has
   * verified the same one; undefined without such a user.
   */
  async verifyContact(id: string, nowMs: number): Promise<{ timeMs: number } | 'taken' | undefined> {
    try {
      const { rows } = await this.#pool.query<{ contact_verify_time: Date }>({
        name: 'verify-contact',
        text: `update users set contact_verify_time = coalesce(contact_verify_time, $2) where id = $1
          returning contact_verify_time`,
        values: [id, new Date(nowMs)],
      })
      const [row] = rows
      return row && { timeMs: row.contact_verify_time.getTime() }
    } catch (error) {
      if (isUniqueViolation(error, 'users_contact_held')) return 'taken'
      throw error
    }
  }

  /**
   * Deletes at most `countMax` users who registered a week ago and neither verified their contact nor ever signed in:
   * mistyped addresses, and strangers' ones.
   */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from users where id in (select id from users
        where contact_verify_time is null and sign_in_time is null and create_time < $1::timestamptz - interval '7 days'
        limit $2 for update skip locked)`,
      [new Date(nowMs), countMax],
    )
    return rowCount ?? 0
  }
}

async function insertUser(client: pg.ClientBase, user: NewUser): Promise<void> {
  await client.query({
    name: 'create-user',
    text: `with added as (
        insert into users (id, email_index, email, display_name, create_time) values ($1, $2, $3, $4, $5)
        returning id, create_time
      ), data_key as (
        insert into data_keys (user_id, wrapping_key_id, wrapped_key, create_time)
        select id, $6, $7, create_time from added
      ), password as (
        insert into passwords (user_id, hash, update_time) select id, $8, create_time from added
      )
      insert into grants (user_id, role, granter, create_time)
      select id, role, $10, create_time from added, unnest($9::text[]) as role`,
    values: [
      user.id,
      user.emailIndex,
      user.person.email,
      user.person.displayName,
      new Date(user.createTimeMs),
      user.person.dataKey.keyId,
      user.person.dataKey.sealed,
      user.passwordHash,
      user.roles,
      user.granter,
    ],
  })
}

function userOf(row: UserRow): StoredUser {
  return {
    id: row.id,
    person: {
      dataKey: { keyId: row.wrapping_key_id, sealed: row.wrapped_key },
      email: row.email,
      displayName: row.display_name,
    },
    roles: row.roles.filter(isRole),
    createTimeMs: row.create_time.getTime(),
    contactVerifyTimeMs: row.contact_verify_time?.getTime(),
  }
}
