import type { Client } from './client.js'

/** A row of `clients`. */
export interface ClientRow {
  id: string
  display_name: string
  permissions: string[]
  may_act_for: string[]
  networks: string[]
  disabled: boolean
  revision: number
  create_time: Date
  request_hash: Buffer
}

/** A row as the client that it is. */
export function clientOf(row: Omit<ClientRow, 'request_hash'>): Client {
  return {
    id: row.id,
    displayName: row.display_name,
    permissions: row.permissions,
    mayActFor: row.may_act_for,
    networks: row.networks,
    disabled: row.disabled,
    revision: row.revision,
    createTimeMs: row.create_time.getTime(),
  }
}
