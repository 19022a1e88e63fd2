import { type StatementRecord as RecordMessage } from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { type Transfer } from '../state-machine/transfer.js'

/** Which entries a record is about. */
export type RecordKey =
  { readonly kind: 'transfer'; readonly id: bigint } | { readonly kind: 'subject'; readonly id: bigint }

export type Side = 'DEBIT' | 'CREDIT'

/** One movement on the account as the other side has it. */
export interface StatementRecord {
  readonly key: RecordKey
  readonly side: Side
  readonly assetCode: string
  /** Minor units, not negative. */
  readonly amount: bigint
  /** Set aside and not yet moved. */
  readonly isPending: boolean
  /** The other side does not know yet whether it happens; only of records keyed by transfer. */
  readonly isUndecided: boolean
  /** As it came, to be shown with what was found. */
  readonly message: RecordMessage
}

export const OUTCOMES = ['MATCHED', 'MISSING_HERE', 'MISSING_THERE', 'DIFFERENT', 'DUPLICATE', 'UNDECIDED'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** A field on which the two sides do not agree: what the other side has, and what the ledger has. */
export interface Difference {
  readonly field: string
  readonly expected: string
  readonly found: string
}

/** A disagreement. */
export type Finding =
  | { readonly outcome: 'MISSING_THERE'; readonly transfer: Transfer }
  | {
      readonly outcome: 'MISSING_HERE' | 'DUPLICATE'
      /** Of a subject with several, the first. */
      readonly record: StatementRecord
      readonly recordCount: number
    }
  | {
      readonly outcome: 'DIFFERENT'
      readonly record: StatementRecord
      readonly recordCount: number
      /** Of a record keyed by transfer whose transfer is on the account. */
      readonly transfer: Transfer | undefined
      readonly differences: readonly Difference[]
    }

/** What had one outcome: how many, and the sums of each side in minor units. */
export interface OutcomeTotal {
  count: number
  debits: bigint
  credits: bigint
}

export type Totals = Readonly<Record<Outcome, OutcomeTotal>>

export function noTotals(): Totals {
  const none = (): OutcomeTotal => ({ count: 0, debits: 0n, credits: 0n })
  return {
    MATCHED: none(),
    MISSING_HERE: none(),
    MISSING_THERE: none(),
    DIFFERENT: none(),
    DUPLICATE: none(),
    UNDECIDED: none(),
  }
}
