// Takes in what providers say for good, whoever brings it: once, with its effect, in one transaction.
import { type Pool, type PoolClient } from 'pg'
import { isUuid } from '../../runtime/ids.js'
import { transaction } from '../../runtime/postgres.js'
import { type Intent } from '../intents/intent.js'
import { intentFromRow, type IntentRow } from '../intents/intent-row.js'
import { dropMismatchBooking, noteDiscrepancy } from './discrepancy-store.js'
import { type FinalReport } from './provider.js'
import { payoutMinor } from './provider-message.js'
import { type Effect, effectOf, isDiscrepancy, isToBook, type Standing } from './report-effect.js'

export type Via = 'RESPONSE' | 'CALLBACK' | 'POLL'

export interface ReceivedReport {
  readonly provider: string
  /** One for each event: what comes twice under the same id with the same content is taken in once. */
  readonly eventId: string
  readonly via: Via
  readonly report: FinalReport
}

export interface Taken {
  /** What it changed; undefined when it was taken in before. */
  readonly effect: Effect | undefined
  /** As it is stored now; undefined when there is no such payment. */
  readonly intent: Intent | undefined
}

export interface ProviderInboxDeps {
  readonly pool: Pool
  readonly newId: () => string
  readonly nowMs: () => number
}

export class ProviderInbox {
  readonly #deps: ProviderInboxDeps

  constructor(deps: ProviderInboxDeps) {
    this.#deps = deps
  }

  /** Writes the report and what follows from it. What it asks of the hold is left to the step function. */
  async take(received: ReceivedReport): Promise<Taken> {
    return await transaction(this.#deps.pool, async (client) => {
      const row = await lockIntent(client, received.report.transferId)
      const standing = row && standingOf(row, received.provider)
      const effect = effectOf(standing, received.report)
      if (!(await insertEvent(client, received, effect)))
        return { effect: undefined, intent: row && intentFromRow(row) }
      if (isDiscrepancy(effect)) {
        const { newId, nowMs } = this.#deps
        const about = {
          intentId: row?.id,
          isToBook: standing !== undefined && isToBook(effect, standing, received.report),
        }
        await noteDiscrepancy(client, { id: newId(), kind: effect, nowMs: nowMs(), ...about, ...received })
      }
      if (standing?.isAsked === true && effect !== 'AMOUNT_MISMATCH') {
        await dropMismatchBooking(client, received.provider, received.report.transferId)
      }
      const changed = row && (await applyEffect(client, row, received.report, effect))
      return { effect, intent: changed && intentFromRow(changed) }
    })
  }
}

type LockedRow = IntentRow & { provider_answer: FinalReport['status'] | null }

// Two reports about one payment go after each other: the second sees what the first decided.
async function lockIntent(client: PoolClient, transferId: string): Promise<LockedRow | undefined> {
  if (!isUuid(transferId)) return undefined
  const { rows } = await client.query<LockedRow>('select * from intents where id = $1 for update', [transferId])
  return rows[0]
}

function standingOf(row: LockedRow, provider: string): Standing {
  const intent = intentFromRow(row)
  return {
    state: row.state,
    isAsked: row.provider === provider && row.provider_ask_time !== null,
    payoutMinor: payoutMinor(intent),
    assetCode: intent.assetCode,
    isDecided: intent.captureMinor !== undefined || intent.release !== undefined,
    said: row.provider_answer ?? undefined,
  }
}

async function insertEvent(client: PoolClient, received: ReceivedReport, effect: Effect): Promise<boolean> {
  const { provider, eventId, via, report } = received
  const { transferId, status, amountMinor, currency, reference, reason } = report
  const { rowCount } = await client.query(
    `insert into provider_events
       (provider, event_id, transfer_id, status, amount_minor, currency, reference, reason, via, effect)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
    [provider, eventId, transferId, status, amountMinor.toString(), currency, reference, reason, via, effect],
  )
  return rowCount === 1
}

/** The row as the effect leaves it. */
async function applyEffect(
  client: PoolClient,
  row: LockedRow,
  report: FinalReport,
  effect: Effect,
): Promise<LockedRow> {
  const change = changes[effect]
  if (change === undefined) return row
  const values = [row.id, report.status, report.reference, ...(effect === 'RELEASE' ? [refusalText(report)] : [])]
  const { rows } = await client.query<LockedRow>(
    `update intents set provider_answer = $2, provider_reference = coalesce(nullif($3, ''), provider_reference) ${change}
     where id = $1 returning *`,
    values,
  )
  const [changed] = rows
  if (changed === undefined) throw new Error(`intent ${row.id} is locked and gone`)
  return changed
}

// To whoever takes the step now, and to the resumer soon when nobody does.
const soon = `, resume_count = 0, resume_after = now() + interval '3 seconds'`

const changes: Readonly<Partial<Record<Effect, string>>> = {
  CAPTURE: `, capture_minor = amount_minor ${soon}`,
  RELEASE: `, release_kind = 'FAIL', release_reason = 'REFUSED_BY_PROVIDER', release_message = $4 ${soon}`,
  LATE_SUCCESS: '',
  NONE: '',
}

function refusalText({ reason }: FinalReport): string {
  return reason === '' ? 'The provider refused the payment.' : `The provider refused the payment: ${reason}`
}
