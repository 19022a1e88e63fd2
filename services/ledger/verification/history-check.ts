import { AccountFlag } from '../state-machine/account.js'
import { PendingState, TransferFlag } from '../state-machine/transfer.js'
import {
  accountSubject,
  type Check,
  type CheckPage,
  estimatedRows,
  type Finding,
  type Read,
  transferSubject,
} from './check.js'

// The balances after each transfer, for accounts that keep history: each row follows from the row before and from its
// transfer. A hold that expires releases money and leaves no row, so that pending may fall by more than the transfer
// says; then the holds are looked up that expired between the two. That the last row agrees with the account's transfers,
// and that none is missing after it, the account's own check sees.
//
// What falls out of the chain shows at its own row or at the one after it: two rows are never compared over a third.

const PAGE = 2000

const RESOLVES = TransferFlag.POST_PENDING_TRANSFER | TransferFlag.VOID_PENDING_TRANSFER

// Compared as pairs, so that the index by account is taken: by time alone, what lies between two rows of an account that
// is seldom used is the whole ledger.
const FIRST_BETWEEN = (side: string) => `
  (select m.id, m.timestamp from transfers m
  where (m.${side}, m.timestamp) > (b.account_id, coalesce(b.previous, 0))
    and (m.${side}, m.timestamp) < (b.account_id, b.timestamp)
  order by m.${side}, m.timestamp limit 1)`

// A page begins with the last row of the page before, from which its first follows. Rows and transfers never change.
const ROWS = `
  select b.account_id as id, n.name, b.timestamp::text, b.debits_posted::text, b.credits_posted::text,
    b.debits_pending::text, b.credits_pending::text, coalesce(a.flags & ${AccountFlag.HISTORY} <> 0, false) as kept,
    t.id as transfer, t.batch::text, t.flags, t.amount::text, t.debit_account_id = b.account_id as is_debit,
    h.amount::text as held, missing.id as missing
  from (
    select *, lag(timestamp) over (partition by account_id order by timestamp) as previous
    from (
      select * from account_balances where $1::uuid is null or (account_id, timestamp) >= ($1::uuid, $2::int8)
      order by account_id, timestamp limit ${PAGE + 1}
    ) r
  ) b
  left join accounts a on a.id = b.account_id
  left join named_accounts n on n.id = b.account_id
  left join transfers t on t.timestamp = b.timestamp and b.account_id in (t.debit_account_id, t.credit_account_id)
  left join transfers h on t.flags & ${RESOLVES} <> 0 and h.id = t.pending_id
  left join lateral (
    select id from (${FIRST_BETWEEN('debit_account_id')} union all ${FIRST_BETWEEN('credit_account_id')}) f
    order by timestamp limit 1
  ) missing on true
  order by b.account_id, b.timestamp`

// Planned for these very values: few batches are between the rows of a busy account, and few holds are of a quiet one.
const EXPIRED = `
  select coalesce(sum(h.amount) filter (where h.debit_account_id = $1), 0)::text as debits,
    coalesce(sum(h.amount) filter (where h.credit_account_id = $1), 0)::text as credits
  from pending_transfers p join transfers h on h.id = p.id
  where p.state = ${PendingState.EXPIRED} and p.resolved_batch > $2::int8 and p.resolved_batch <= $3::int8
    and (h.debit_account_id = $1 or h.credit_account_id = $1)`

interface CountersRow {
  readonly debits_posted: string
  readonly credits_posted: string
  readonly debits_pending: string
  readonly credits_pending: string
}

interface HistoryRow extends CountersRow {
  readonly id: string
  readonly name: string | null
  readonly timestamp: string
  /** Whether the account keeps history. */
  readonly kept: boolean
  /** The rest is null where no transfer of the account has this timestamp. */
  readonly transfer: string | null
  readonly batch: string | null
  readonly flags: number | null
  readonly amount: string | null
  readonly is_debit: boolean | null
  readonly held: string | null
  /** The first transfer of the account after the row before that has no row. */
  readonly missing: string | null
}

export const historyCheck: Check = {
  phase: 'HISTORY',
  total: (read) => estimatedRows(read, 'account_balances'),
  page: async (read, _bound, position): Promise<CheckPage> => {
    const [id = null, timestamp = null] = position === '' ? [] : position.split(' ')
    const rows = await read<HistoryRow>(ROWS, [id, timestamp])
    const first = rows[0]?.id === id && rows[0].timestamp === timestamp ? 1 : 0
    const findings: Finding[] = []
    for (const [index, row] of rows.entries()) {
      if (index < first) continue
      const before = rows[index - 1]
      findings.push(...(await rowFindings(read, row, before?.id === row.id ? before : undefined)))
    }
    const last = rows.at(-1)
    const next = rows.length <= PAGE || last === undefined ? undefined : `${last.id} ${last.timestamp}`
    return { findings, checkedCount: rows.length - first, next }
  },
}

async function rowFindings(read: Read, row: HistoryRow, before: HistoryRow | undefined): Promise<Finding[]> {
  const finding = (expected: string, found: string): Finding[] => [
    { kind: 'BALANCE_HISTORY_DIFFERS', subject: accountSubject(row), expected, found },
  ]
  if (!row.kept) return finding('no balances, as it keeps no history', `balances at ${row.timestamp}`)
  // What the missing transfer moved is not known here, so the row has nothing to follow from.
  if (row.missing !== null) return finding(`balances after ${transferSubject(row.missing)}`, 'none')
  if (row.transfer === null) return finding('balances after transfers alone', `balances at ${row.timestamp}`)
  const followed = following(before, row)
  const differs = await unexplained(read, followed, row, before)
  if (!differs) return []
  return finding(`${countersText(followed)} after ${transferSubject(row.transfer)}`, countersText(countersOf(row)))
}

interface Counters {
  readonly debits: bigint
  readonly credits: bigint
  readonly debitsPending: bigint
  readonly creditsPending: bigint
}

function countersOf(row: CountersRow | undefined): Counters {
  return {
    debits: BigInt(row?.debits_posted ?? 0),
    credits: BigInt(row?.credits_posted ?? 0),
    debitsPending: BigInt(row?.debits_pending ?? 0),
    creditsPending: BigInt(row?.credits_pending ?? 0),
  }
}

/** The counters after a row's transfer, when nothing expired since the row before. */
function following(before: HistoryRow | undefined, row: HistoryRow): Counters {
  const { debits, credits, debitsPending, creditsPending } = countersOf(before)
  const { posted, pending } = movement(row)
  return row.is_debit === true
    ? { debits: debits + posted, credits, debitsPending: debitsPending + pending, creditsPending }
    : { debits, credits: credits + posted, debitsPending, creditsPending: creditsPending + pending }
}

function movement(row: HistoryRow): { posted: bigint; pending: bigint } {
  const flags = row.flags ?? 0
  const amount = BigInt(row.amount ?? 0)
  if ((flags & TransferFlag.PENDING) !== 0) return { posted: 0n, pending: amount }
  if ((flags & RESOLVES) === 0) return { posted: amount, pending: 0n }
  const posted = (flags & TransferFlag.POST_PENDING_TRANSFER) === 0 ? 0n : amount
  return { posted, pending: -BigInt(row.held ?? 0) }
}

/** Whether a row differs from what it follows to, holds that expired between it and the row before taken into account. */
async function unexplained(
  read: Read,
  followed: Counters,
  row: HistoryRow,
  before: HistoryRow | undefined,
): Promise<boolean> {
  const found = countersOf(row)
  if (found.debits !== followed.debits || found.credits !== followed.credits) return true
  const debits = followed.debitsPending - found.debitsPending
  const credits = followed.creditsPending - found.creditsPending
  if (debits === 0n && credits === 0n) return false
  if (debits < 0n || credits < 0n) return true
  // A batch sweeps before it decides, so what its own sweep released is not in the balances of the batch before.
  const values = [row.id, before?.batch ?? '0', row.batch]
  const [expired] = await read<{ debits: string; credits: string }>(EXPIRED, values)
  return String(debits) !== expired?.debits || String(credits) !== expired.credits
}

function countersText({ debits, credits, debitsPending, creditsPending }: Counters): string {
  return `debits ${debits}, credits ${credits}, pending debits ${debitsPending}, pending credits ${creditsPending}`
}
