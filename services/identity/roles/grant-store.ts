import type pg from 'pg'
import { NIL } from 'uuid'
import { isRole, type Role, roles } from './roles.js'

/** A role that a user holds. */
export interface Grant {
  userId: string
  role: Role
  /** `users/{id}` or `peers/{name}`. */
  granter: string
  createTimeMs: number
}

interface GrantRow {
  user_id: string
  role: string
  granter: string
  create_time: Date
}

/** Where a page ended. */
export type GrantPlace = Pick<Grant, 'userId'> & { role: string }

const columns = 'user_id, role, granter, create_time'

export class GrantStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Stores a grant, unless the role is held already, and answers the one that stands; undefined without such a user. */
  async add(grant: Grant): Promise<Grant | undefined> {
    // The no-op update makes the row that stood there before come back; a plain `do nothing` returns none.
    const { rows } = await this.#pool.query<GrantRow>({
      name: 'add-grant',
      text: `insert into grants (${columns})
        select id, $2, $3, $4 from users where id = $1
        on conflict (user_id, role) do update set role = excluded.role
        returning ${columns}`,
      values: [grant.userId, grant.role, grant.granter, new Date(grant.createTimeMs)],
    })
    return rows.map(grantOf)[0]
  }

  /** Whether there was such a grant to remove. */
  async remove(userId: string, role: Role): Promise<boolean> {
    const { rowCount } = await this.#pool.query({
      name: 'remove-grant',
      text: `delete from grants where user_id = $1 and role = $2`,
      values: [userId, role],
    })
    return rowCount === 1
  }

  /** At most `countMax` grants behind a place, by user and role. Roles that this version does not know are left out. */
  async list(userId: string | undefined, after: GrantPlace | undefined, countMax: number): Promise<Grant[]> {
    const { rows } = await this.#pool.query<GrantRow>({
      name: 'list-grants',
      text: `select ${columns} from grants
        where (user_id, role) > ($1, $2) and ($3::uuid is null or user_id = $3) and role = any ($4)
        order by user_id, role
        limit $5`,
      values: [after?.userId ?? NIL, after?.role ?? '', userId ?? null, roles, countMax],
    })
    return rows.map(grantOf)
  }
}

function grantOf(row: GrantRow): Grant {
  if (!isRole(row.role)) throw new Error(`the grants hold a role "${row.role}" that roles.ts does not know`)
  return { userId: row.user_id, role: row.role, granter: row.granter, createTimeMs: row.create_time.getTime() }
}
