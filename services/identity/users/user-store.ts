import type pg from 'pg'
import { isRole, type Role } from '../roles/roles.js'
import type { SealedPerson } from '../vault/vault.js'

/** A user as stored: what is personal is still sealed. */
export interface StoredUser {
  id: string
  person: SealedPerson
  roles: readonly Role[]
  createTimeMs: number
}

export interface NewUser extends StoredUser {
  emailIndex: Buffer
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
  roles: string[]
}

export class UserStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /**
   * Stores a user with key, password and roles, or nothing of it when the address is taken: the unique index decides
   * between two who register it at once.
   */
  async create(user: NewUser): Promise<'created' | 'email_taken'> {
    const { rowCount } = await this.#pool.query({
      name: 'create-user',
      text: `with added as (
          insert into users (id, email_index, email, display_name, create_time) values ($1, $2, $3, $4, $5)
          on conflict (email_index) do nothing
          returning id, create_time
        ), data_key as (
          insert into data_keys (user_id, wrapping_key_id, wrapped_key, create_time)
          select id, $6, $7, create_time from added
        ), password as (
          insert into passwords (user_id, hash, update_time) select id, $8, create_time from added
        ), granted as (
          insert into grants (user_id, role, granter, create_time)
          select id, role, $10, create_time from added, unnest($9::text[]) as role
        )
        select id from added`,
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
    return rowCount === 1 ? 'created' : 'email_taken'
  }

  /** The user; undefined when there is none, or when the user's data key was dropped. */
  async find(id: string): Promise<StoredUser | undefined> {
    const { rows } = await this.#pool.query<UserRow>({
      name: 'find-user',
      text: `select u.id, u.email, u.display_name, u.create_time, k.wrapping_key_id, k.wrapped_key,
          array(select role from grants g where g.user_id = u.id order by role) as roles
        from users u join data_keys k on k.user_id = u.id
        where u.id = $1`,
      values: [id],
    })
    const [row] = rows
    return row && userOf(row)
  }

  /** What log-in needs: one query, the same for known and unknown addresses. */
  async findPassword(emailIndex: Buffer): Promise<{ userId: string; hash: string } | undefined> {
    const { rows } = await this.#pool.query<{ userId: string; hash: string }>({
      name: 'find-password',
      text: `select u.id as "userId", p.hash from users u join passwords p on p.user_id = u.id where u.email_index = $1`,
      values: [emailIndex],
    })
    return rows[0]
  }
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
  }
}
