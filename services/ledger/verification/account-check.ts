import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { AccountFlag } from '../state-machine/account.js'
import { PendingState, TransferFlag } from '../state-machine/transfer.js'
import { accountSubject, type Check, type CheckPage, estimatedRows, type Finding, type Read } from './check.js'

const PAGE = 200

// An account and all of its transfers in one statement, so at one moment: a transfer that is written meanwhile is in
// both or in neither. A hold counts while it is open; a void moves nothing. The last row of the balances that an account
// with history keeps still counts the holds that expired after it.
const LEGS = (side: string) => `
  select coalesce(sum(t.amount) filter (where t.flags & ${TransferFlag.PENDING | TransferFlag.VOID_PENDING_TRANSFER} = 0), 0)
      as posted,
    coalesce(sum(t.amount) filter (where t.flags & ${TransferFlag.PENDING} <> 0 and p.state = ${PendingState.PENDING}), 0)
      as pending,
    coalesce(sum(t.amount) filter (where p.state = ${PendingState.EXPIRED} and p.resolved_batch > l.batch), 0)
      as expired_since,
    max(t.timestamp) as last
  from transfers t
  left join pending_transfers p on t.flags & ${TransferFlag.PENDING} <> 0 and p.id = t.id
  where t.${side} = a.id`

const ACCOUNTS = `
  select a.id, n.name, a.flags, a.code, a.debits_posted::text, a.credits_posted::text, a.debits_pending::text,
    a.credits_pending::text, d.posted::text as debits, c.posted::text as credits, d.pending::text as debits_held,
    c.pending::text as credits_held, greatest(d.last, c.last)::text as last_transfer,
    case when l.timestamp is not null then json_build_object('timestamp', l.timestamp::text,
      'debits', l.debits_posted::text, 'credits', l.credits_posted::text, 'debits_held', l.debits_pending::text,
      'credits_held', l.credits_pending::text) end as last_balances,
    (d.pending + d.expired_since)::text as debits_held_then, (c.pending + c.expired_since)::text as credits_held_then
  from (select * from accounts where $1::uuid is null or id > $1::uuid order by id limit ${PAGE}) a
  left join lateral (
    select b.*, t.batch from account_balances b left join transfers t on t.timestamp = b.timestamp
    where b.account_id = a.id order by b.timestamp desc limit 1
  ) l on a.flags & ${AccountFlag.HISTORY} <> 0
  cross join lateral (${LEGS('debit_account_id')}) d
  cross join lateral (${LEGS('credit_account_id')}) c
  left join named_accounts n on n.id = a.id
  order by a.id`

interface AccountSumsRow {
  readonly id: string
  readonly name: string | null
  readonly flags: number
  readonly code: number
  readonly debits_posted: string
  readonly credits_posted: string
  readonly debits_pending: string
  readonly credits_pending: string
  readonly debits: string
  readonly credits: string
  readonly debits_held: string
  readonly credits_held: string
  readonly last_transfer: string | null
  /** Of an account with history: the last balances that it keeps. */
  readonly last_balances: BalancesRow | null
  /** What was held when they were written. */
  readonly debits_held_then: string
  readonly credits_held_then: string
}

interface BalancesRow {
  readonly timestamp: string
  readonly debits: string
  readonly credits: string
  readonly debits_held: string
  readonly credits_held: string
}

export const accountCheck: Check = {
  phase: 'ACCOUNTS',
  total: (read) => estimatedRows(read, 'accounts'),
  page: async (read: Read, _bound, position): Promise<CheckPage> => {
    const rows = await read<AccountSumsRow>(ACCOUNTS, [position === '' ? null : position])
    const next = rows.length < PAGE ? undefined : rows.at(-1)?.id
    return { findings: rows.flatMap(accountFindings), checkedCount: rows.length, next }
  },
}

function accountFindings(row: AccountSumsRow): Finding[] {
  const subject = accountSubject(row)
  const findings: Finding[] = []
  const sides = (debits: string | bigint, credits: string | bigint) => `debits ${debits}, credits ${credits}`
  const same = (kind: Finding['kind'], expected: string, found: string) => {
    if (expected !== found) findings.push({ kind, subject, expected, found })
  }
  const { debits_posted, credits_posted, debits_pending, credits_pending } = row
  same('BALANCE_DIFFERS_FROM_TRANSFERS', sides(row.debits, row.credits), sides(debits_posted, credits_posted))
  same('PENDING_DIFFERS_FROM_HOLDS', sides(row.debits_held, row.credits_held), sides(debits_pending, credits_pending))
  if (row.code === AccountKind.TRANSIT) {
    same('TRANSIT_NOT_ZERO', 'balance 0', `balance ${BigInt(credits_posted) - BigInt(debits_posted)}`)
  }
  if ((row.flags & AccountFlag.HISTORY) !== 0) findings.push(...historyFindings(row))
  const beyond = beyondFlags(row)
  if (beyond !== undefined) findings.push({ kind: 'BALANCE_BEYOND_FLAGS', subject, ...beyond })
  return findings
}

/** The last of the balances that an account keeps are those after its last transfer, and what its transfers add up to. */
function historyFindings(row: AccountSumsRow): Finding[] {
  const { last_balances: last, last_transfer: lastTransfer } = row
  const finding = (expected: string, found: string): Finding[] => {
    if (expected === found) return []
    return [{ kind: 'BALANCE_HISTORY_DIFFERS', subject: accountSubject(row), expected, found }]
  }
  const at = (timestamp: string | null) => (timestamp === null ? 'no balances' : `last balances at ${timestamp}`)
  const misplaced = finding(at(lastTransfer), at(last?.timestamp ?? null))
  if (misplaced.length > 0 || last === null) return misplaced
  const text = (debits: string, credits: string, debitsHeld: string, creditsHeld: string) =>
    `debits ${debits}, credits ${credits}, pending debits ${debitsHeld}, pending credits ${creditsHeld}`
  return finding(
    text(row.debits, row.credits, row.debits_held_then, row.credits_held_then),
    text(last.debits, last.credits, last.debits_held, last.credits_held),
  )
}

/** What is held counts against an account; what is held for it does not help it. */
function beyondFlags(row: AccountSumsRow): { expected: string; found: string } | undefined {
  const debits = BigInt(row.debits_posted)
  const credits = BigInt(row.credits_posted)
  const debitsUsed = debits + BigInt(row.debits_pending)
  const creditsUsed = credits + BigInt(row.credits_pending)
  if ((row.flags & AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS) !== 0 && debitsUsed > credits) {
    return { expected: `debits of at most ${credits}`, found: `debits of ${debitsUsed}` }
  }
  if ((row.flags & AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS) !== 0 && creditsUsed > debits) {
    return { expected: `credits of at most ${debits}`, found: `credits of ${creditsUsed}` }
  }
  return undefined
}
