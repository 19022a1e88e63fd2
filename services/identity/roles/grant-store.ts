import type pg from 'pg'
import { NIL } from 'uuid'
import { transaction } from '../../runtime/postgres.js'
import { appendEvent, type AuditEvent } from '../audit/audit-chain.js'
import type { AuditWho } from '../audit/audit-record.js'
import { userName } from '../users/user.js'
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
  async add(grant: Grant, who: AuditWho): Promise<Grant | undefined> {
    return await transaction(this.#pool, async (client) => {
      // The no-op update makes the row that stood there before come back; a plain `do nothing` returns none. A row that was
      // inserted has no xmax.
      const { rows } = await client.query<GrantRow & { added: boolean }>({
        name: 'add-grant',
        text: `insert into grants (${columns})
          select id, $2, $3, $4 from users where id = $1
          on conflict (user_id, role) do update set role = excluded.role
          returning ${columns}, xmax = 0 as added`,
        values: [grant.userId, grant.role, grant.granter, new Date(grant.createTimeMs)],
      })
      if (rows[0]?.added === true) await appendEvent(client, eventOf('ROLE_GRANTED', grant, who, grant.createTimeMs))
      return rows.map(grantOf)[0]
    })
  }

  /** Whether there was such a grant to remove. */
  async remove(grant: Pick<Grant, 'userId' | 'role'>, who: AuditWho, nowMs: number): Promise<boolean> {
    return await transaction(this.#pool, async (client) => {
      const { rowCount } = await client.query({
        name: 'remove-grant',
        text: `delete from grants where user_id = $1 and role = $2`,
        values: [grant.userId, grant.role],
      })
      if (rowCount === 1) await appendEvent(client, eventOf('ROLE_REVOKED', grant, who, nowMs))
      return rowCount === 1
    })
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

function eventOf(
  event: 'ROLE_GRANTED' | 'ROLE_REVOKED',
  { userId, role }: Pick<Grant, 'userId' | 'role'>,
  who: AuditWho,
  timeMs: number,
): AuditEvent {
  return { event, who, timeMs, resource: userName(userId), details: { role } }
}

function grantOf(row: GrantRow): Grant {
  if (!isRole(row.role)) throw new Error(`the grants hold a role "${row.role}" that roles.ts does not know`)
  return { userId: row.user_id, role: row.role, granter: row.granter, createTimeMs: row.create_time.getTime() }
}
