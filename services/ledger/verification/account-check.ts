import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { AccountFlag } from '../state-machine/account.js'
import { PendingState, TransferFlag } from '../state-machine/transfer.js'
import { accountSubject, type Check, type CheckPage, estimatedRows, type Finding, type Read } from './check.js'

const PAGE = 200

// An account and all of its transfers in one statement, so at one moment: a transfer that is written meanwhile is in
// both or in neither. A hold counts while it is open; a void moves nothing.
const LEGS = (side: string) => `
  select coalesce(sum(t.amount) filter (where t.flags & ${TransferFlag.PENDING | TransferFlag.VOID_PENDING_TRANSFER} = 0), 0)
      as posted,
    coalesce(sum(t.amount) filter (where t.flags & ${TransferFlag.PENDING} <> 0 and p.state = ${PendingState.PENDING}), 0)
      as pending
  from transfers t
  left join pending_transfers p on t.flags & ${TransferFlag.PENDING} <> 0 and p.id = t.id
  where t.${side} = a.id`

const ACCOUNTS = `
  select a.id, n.name, a.flags, a.code, a.debits_posted::text, a.credits_posted::text, a.debits_pending::text,
    a.credits_pending::text, d.posted::text as debits, c.posted::text as credits, d.pending::text as debits_held,
    c.pending::text as credits_held
  from (select * from accounts where $1::uuid is null or id > $1::uuid order by id limit ${PAGE}) a
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
  const beyond = beyondFlags(row)
  if (beyond !== undefined) findings.push({ kind: 'BALANCE_BEYOND_FLAGS', subject, ...beyond })
  return findings
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
