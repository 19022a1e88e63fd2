import { type Check, type CheckPage, type Finding } from './check.js'

// The sums of all accounts in one statement: only at one moment are they equal.
const LEDGERS = `
  select ledger::text, sum(debits_posted)::text as debits_posted, sum(credits_posted)::text as credits_posted,
    sum(debits_pending)::text as debits_pending, sum(credits_pending)::text as credits_pending
  from accounts group by ledger order by ledger`

interface LedgerSumsRow {
  readonly ledger: string
  readonly debits_posted: string
  readonly credits_posted: string
  readonly debits_pending: string
  readonly credits_pending: string
}

export const ledgerCheck: Check = {
  phase: 'LEDGERS',
  total: () => Promise.resolve(0n),
  page: async (read): Promise<CheckPage> => {
    const rows = await read<LedgerSumsRow>(LEDGERS)
    return { findings: rows.flatMap(ledgerFindings), checkedCount: rows.length, next: undefined }
  },
}

function ledgerFindings(row: LedgerSumsRow): Finding[] {
  const of = (state: string, debits: string, credits: string): Finding[] => {
    if (debits === credits) return []
    const [expected, found] = [`credits ${state} of ${debits}`, `credits ${state} of ${credits}`]
    return [{ kind: 'DEBITS_DIFFER_FROM_CREDITS', subject: `ledgers/${row.ledger}`, expected, found }]
  }
  return [
    ...of('posted', row.debits_posted, row.credits_posted),
    ...of('pending', row.debits_pending, row.credits_pending),
  ]
}
