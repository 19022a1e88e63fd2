import { PendingState, TransferFlag } from '../state-machine/transfer.js'
import { type Check, type CheckPage, estimatedRows, type Finding, transferSubject } from './check.js'

const PAGE = 2000

const RESOLVES = TransferFlag.POST_PENDING_TRANSFER | TransferFlag.VOID_PENDING_TRANSFER

// A transfer is never changed, and of a hold nothing after its release. A post or void and its hold's state are written
// by one batch, so the batch that the hold remembers must be that of the transfer: of two that claim one hold, one is
// always found out.
const TRANSFERS = `
  select t.id, t.timestamp::text, t.flags, t.ledger::text, d.ledger::text as debit_ledger,
    c.ledger::text as credit_ledger, own.state as own_state, own.resolved_batch is not null as own_resolved, r.resolutions, h.id is not null as hold_found,
    h.flags & ${TransferFlag.PENDING} <> 0 as hold_is_pending, p.state as hold_state,
    p.resolved_batch = t.batch as released_by_it,
    (h.debit_account_id, h.credit_account_id, h.ledger) = (t.debit_account_id, t.credit_account_id, t.ledger)
      and t.amount <= h.amount as hold_fits
  from (
    select * from transfers where timestamp > $1::int8 and timestamp <= $2::int8 order by timestamp limit ${PAGE}
  ) t
  left join accounts d on d.id = t.debit_account_id
  left join accounts c on c.id = t.credit_account_id
  left join pending_transfers own on t.flags & ${TransferFlag.PENDING} <> 0 and own.id = t.id
  left join lateral (
    select count(*)::int4 as resolutions from transfers where pending_id = t.id
  ) r on t.flags & ${TransferFlag.PENDING} <> 0
  left join transfers h on t.flags & ${RESOLVES} <> 0 and h.id = t.pending_id
  left join pending_transfers p on t.flags & ${RESOLVES} <> 0 and p.id = t.pending_id
  order by t.timestamp`

interface TransferFactsRow {
  readonly id: string
  readonly timestamp: string
  readonly flags: number
  readonly ledger: string
  readonly debit_ledger: string | null
  readonly credit_ledger: string | null
  readonly own_state: PendingState | null
  readonly own_resolved: boolean
  readonly resolutions: number | null
  readonly hold_found: boolean
  readonly hold_is_pending: boolean | null
  readonly hold_state: PendingState | null
  readonly released_by_it: boolean | null
  readonly hold_fits: boolean | null
}

type Problem = Pick<Finding, 'expected' | 'found'>

export const transferCheck: Check = {
  phase: 'TRANSFERS',
  total: (read) => estimatedRows(read, 'transfers'),
  page: async (read, bound, position): Promise<CheckPage> => {
    const after = position === '' ? '0' : position
    const rows = await read<TransferFactsRow>(TRANSFERS, [after, String(bound.lastTimestamp)])
    const next = rows.length < PAGE ? undefined : rows.at(-1)?.timestamp
    return { findings: rows.flatMap(transferFindings), checkedCount: rows.length, next }
  },
}

function transferFindings(row: TransferFactsRow): Finding[] {
  const subject = transferSubject(row.id)
  const findings: Finding[] = []
  for (const [side, ledger] of [
    ['debit', row.debit_ledger],
    ['credit', row.credit_ledger],
  ] as const) {
    if (ledger === row.ledger) continue
    const found = ledger === null ? `no ${side} account` : `a ${side} account on ledger ${ledger}`
    findings.push({ kind: 'ORPHAN_TRANSFER', subject, expected: `a ${side} account on ledger ${row.ledger}`, found })
  }
  const unexplained = (row.flags & TransferFlag.PENDING) === 0 ? undefined : stateProblem(row)
  if (unexplained !== undefined) findings.push({ kind: 'HOLD_STATE_DIFFERS', subject, ...unexplained })
  const orphaned = (row.flags & RESOLVES) === 0 ? undefined : holdProblem(row)
  if (orphaned !== undefined) findings.push({ kind: 'ORPHAN_POST_OR_VOID', subject, ...orphaned })
  return findings
}

const STATE_NAMES: Readonly<Record<PendingState, string>> = { 1: 'pending', 2: 'posted', 3: 'voided', 4: 'expired' }

/** A post or void of a hold that is still open, or expired, is that transfer's problem. */
function stateProblem({
  own_state: state,
  own_resolved: resolved,
  resolutions,
}: TransferFactsRow): Problem | undefined {
  if (state === null) return { expected: 'the state of a hold', found: 'none' }
  if (resolved !== (state !== PendingState.PENDING)) {
    return {
      expected: `a hold that is ${STATE_NAMES[state]}`,
      found: resolved ? 'one with a batch that ended it' : 'one without',
    }
  }
  const released = state === PendingState.POSTED || state === PendingState.VOIDED
  if (!released || resolutions === 1) return undefined
  return { expected: `one transfer by which it was ${STATE_NAMES[state]}`, found: String(resolutions) }
}

function holdProblem(row: TransferFactsRow): Problem | undefined {
  const posts = (row.flags & TransferFlag.POST_PENDING_TRANSFER) !== 0
  const wanted = posts ? PendingState.POSTED : PendingState.VOIDED
  if (!row.hold_found) return { expected: 'a hold', found: 'none' }
  if (row.hold_is_pending !== true) return { expected: 'a hold', found: 'a transfer that holds nothing' }
  if (row.hold_fits !== true) return { expected: 'its accounts and at most its amount', found: 'others, or more' }
  if (row.hold_state !== wanted) {
    const found = row.hold_state === null ? 'a hold without a state' : `a hold that is ${STATE_NAMES[row.hold_state]}`
    return { expected: `a hold that is ${STATE_NAMES[wanted]}`, found }
  }
  return row.released_by_it === true ? undefined : { expected: 'a hold that it released', found: 'released by another' }
}
