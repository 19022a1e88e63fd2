// Lists of intents, newest first.
//
// "Own" means created by the subject, or paid from or to one of the subject's wallets. One `or` over three columns
// would sort a busy payee's whole history for each page; instead each way of owning is read in the order of an index,
// a page at most, and the pages are merged.
import { type Pool } from 'pg'
import { type Intent, type IntentState } from './intent.js'
import { intentFromRow, type IntentRow } from './intent-row.js'

export interface IntentFilter {
  /** Whose intents; undefined means everybody's. */
  readonly owner: string | undefined
  /**
   * Of what is paid to them, show only what arrived or was held for them to take, which is what these operation types
   * are: the payer's failed attempts are the payer's alone. Undefined: everything.
   */
  readonly heldForPayee: readonly string[] | undefined
  readonly state: IntentState | undefined
  readonly operationType: string | undefined
  readonly walletId: string | undefined
  /** Only of this creator; absent: of any. */
  readonly creator?: string | undefined
  /** Only refunds of this intent; absent: of any, and what is no refund. */
  readonly parentId?: string | undefined
  /** Only intents older than this one. */
  readonly beforeId: string | undefined
  readonly countMax: number
}

export async function listIntents(pool: Pool, filter: IntentFilter): Promise<Intent[]> {
  const { text, values } = listQuery(filter)
  const { rows } = await pool.query<IntentRow>(text, values)
  return rows.map(intentFromRow)
}

function listQuery(filter: IntentFilter): { text: string; values: unknown[] } {
  const values: unknown[] = []
  const parameter = (value: unknown) => `$${values.push(value)}`
  const countMax = parameter(filter.countMax)
  const conditions: string[] = []
  if (filter.beforeId !== undefined) conditions.push(`i.id < ${parameter(filter.beforeId)}`)
  if (filter.state !== undefined) conditions.push(`i.state = ${parameter(filter.state)}`)
  if (filter.operationType !== undefined) conditions.push(`i.operation_type = ${parameter(filter.operationType)}`)
  if (filter.creator !== undefined) conditions.push(`i.creator = ${parameter(filter.creator)}`)
  if (filter.parentId !== undefined) conditions.push(`i.parent = ${parameter(filter.parentId)}`)
  const page = (ownCondition: string) =>
    `select i.id from intents i where ${[ownCondition, ...conditions].join(' and ')} order by i.id desc limit ${countMax}`

  const arrived =
    filter.heldForPayee === undefined
      ? ''
      : ` and (i.state = 'SETTLED' or i.operation_type = any(${parameter(filter.heldForPayee)})
    and i.authorize_time is not null)`
  if (filter.owner === undefined) {
    const ways = filter.walletId === undefined ? ['true'] : walletWays(parameter(filter.walletId), arrived)
    return { text: merged(ways.map(page), countMax), values }
  }
  if (filter.walletId !== undefined) {
    const wallet = parameter(filter.walletId)
    conditions.push(`(i.payer_wallet = ${wallet} or i.payee_wallet = ${wallet})`)
  }
  const owner = parameter(filter.owner)
  const ofWallets = (condition: string) =>
    `select p.id from wallets w cross join lateral (${page(condition)}) p where w.owner = ${owner}`
  const ways = [
    page(`i.creator = ${owner}`),
    ofWallets('i.payer_wallet = w.id'),
    ofWallets(`i.payee_wallet = w.id${arrived}`),
  ]
  return { text: merged(ways, countMax), values }
}

function walletWays(wallet: string, arrived: string): string[] {
  return [`i.payer_wallet = ${wallet}`, `i.payee_wallet = ${wallet}${arrived}`]
}

// Union, not union all: an intent may be owned in several ways.
function merged(ways: readonly string[], countMax: string): string {
  const ids = ways.map((way) => `(${way})`).join(' union ')
  return `select i.* from (${ids}) own join intents i on i.id = own.id order by i.id desc limit ${countMax}`
}
