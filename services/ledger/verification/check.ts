// What a verification is made of: checks that go over the store page by page. A page is one or two statements, each of
// which sees one moment of the store, so a check is right while writes go on, and no snapshot is held longer than a
// page takes: a longer one would keep PostgreSQL from cleaning up after the writer.

export const FINDING_KINDS = [
  'DEBITS_DIFFER_FROM_CREDITS',
  'BALANCE_DIFFERS_FROM_TRANSFERS',
  'PENDING_DIFFERS_FROM_HOLDS',
  'TRANSIT_NOT_ZERO',
  'BALANCE_BEYOND_FLAGS',
  'ORPHAN_POST_OR_VOID',
  'ORPHAN_TRANSFER',
  'JOURNAL_BROKEN',
  'METADATA_DIFFERS',
  'HOLD_STATE_DIFFERS',
  'BALANCE_HISTORY_DIFFERS',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

/** A contradiction in the books. */
export interface Finding {
  readonly kind: FindingKind
  readonly subject: string
  readonly expected: string
  readonly found: string
}

/** The parts of a verification, in their order. */
export const PHASES = ['JOURNAL', 'ACCOUNTS', 'TRANSFERS', 'LEDGERS', 'NAMES', 'HISTORY'] as const
export type Phase = (typeof PHASES)[number]

/** Runs one statement that only reads, and sees one moment of the store. */
export type Read = <R extends object>(text: string, values?: readonly unknown[]) => Promise<R[]>

/** Where the ledger stood when the verification began: later writes are for the next one. */
export interface Bound {
  readonly batch: bigint
  readonly lastTimestamp: bigint
}

/** What one page of a check found. */
export interface CheckPage {
  readonly findings: readonly Finding[]
  readonly checkedCount: number
  /** Where the next page begins; undefined after the last. */
  readonly next: string | undefined
}

/** One part of a verification. */
export interface Check {
  readonly phase: Phase
  /** About how many there are to check; 0 when the store does not know. */
  total(read: Read, bound: Bound): Promise<bigint>
  /** The page after a position; the first after ''. */
  page(read: Read, bound: Bound, position: string): Promise<CheckPage>
}

/** How many rows a table has, as the server last estimated it. */
export async function estimatedRows(read: Read, table: string): Promise<bigint> {
  const text = 'select greatest(reltuples, 0)::int8::text as rows from pg_class where oid = $1::regclass'
  const [row] = await read<{ rows: string }>(text, [table])
  return BigInt(row?.rows ?? 0)
}

/** The subject of a finding about an account: its name where it has one. */
export function accountSubject({ id, name }: { readonly id: string; readonly name: string | null }): string {
  return name ?? `accounts/${id.replaceAll('-', '')}`
}

export function transferSubject(id: string): string {
  return `transfers/${id.replaceAll('-', '')}`
}
