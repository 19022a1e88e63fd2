import { type Transfer } from '../state-machine/transfer.js'
import { isHold, movedMoney, sideOf, standingOf } from './standing.js'
import { type Difference, type StatementRecord } from './statement-record.js'

// All records of one subject, and what the ledger has of it. They are compared by sums: of what moved and of what is
// set aside, each by side.

/** Minor units. */
export interface Sums {
  debits: bigint
  credits: bigint
  heldDebits: bigint
  heldCredits: bigint
}

function noSums(): Sums {
  return { debits: 0n, credits: 0n, heldDebits: 0n, heldCredits: 0n }
}

const FIELDS = [
  ['debits', 'debits'],
  ['credits', 'credits'],
  ['held_debits', 'heldDebits'],
  ['held_credits', 'heldCredits'],
] as const

/** How the ledger compares with a group. */
export type GroupVerdict =
  | { readonly kind: 'matched'; readonly outsidePeriod: boolean }
  | { readonly kind: 'absent' }
  | { readonly kind: 'different'; readonly differences: readonly Difference[] }

export class SubjectGroup {
  readonly first: StatementRecord
  count = 0
  readonly #assetCode: string
  readonly #externalIds = new Set<string>()
  readonly #expected = noSums()
  readonly #inPeriod = noSums()
  #isInPeriod = false
  #otherAsset: string | undefined

  /** `assetCode` is the account's. */
  constructor(first: StatementRecord, assetCode: string) {
    this.first = first
    this.#assetCode = assetCode
  }

  /** Takes a record in; false when one of its external id came before. */
  add({ message, assetCode, side, isPending, amount }: StatementRecord): boolean {
    if (this.#externalIds.has(message.externalId)) return false
    this.#externalIds.add(message.externalId)
    this.count += 1
    if (assetCode === this.#assetCode) addTo(this.#expected, side, isPending, amount)
    else this.#otherAsset ??= assetCode
    return true
  }

  /** Notes an entry of the period. */
  note(transfer: Transfer, accountId: bigint): void {
    if (!movedMoney(transfer)) return
    this.#isInPeriod = true
    addTo(this.#inPeriod, sideOf(transfer, accountId), false, transfer.amount)
  }

  /** The sums of what had one outcome, for the totals. */
  get sums(): { readonly debits: bigint; readonly credits: bigint } {
    const { debits, credits, heldDebits, heldCredits } = this.#expected
    return { debits: debits + heldDebits, credits: credits + heldCredits }
  }

  /** Whether the entries of the period alone are what the records say. Almost always, and then nothing more is read. */
  get isMatchedInPeriod(): boolean {
    return this.#isInPeriod && this.#otherAsset === undefined && isSame(this.#expected, this.#inPeriod)
  }

  /** Compares with all entries of the subject, whenever they were. */
  compare(entries: SubjectEntries, nowNs: bigint): GroupVerdict {
    if (entries.count === 0) return { kind: 'absent' }
    const everything = entries.sums(nowNs)
    const { heldDebits, heldCredits } = this.#expectsHolds ? everything : noSums()
    const found = { ...everything, heldDebits, heldCredits }
    const inPeriod = { ...found, debits: this.#inPeriod.debits, credits: this.#inPeriod.credits }
    if (this.#otherAsset === undefined) {
      if (isSame(this.#expected, inPeriod)) return { kind: 'matched', outsidePeriod: false }
      if (isSame(this.#expected, found)) return { kind: 'matched', outsidePeriod: true }
    }
    const asset = { field: 'asset_code', expected: this.#otherAsset ?? '', found: this.#assetCode }
    const sums = differencesOf(this.#expected, this.#isInPeriod ? inPeriod : found)
    return { kind: 'different', differences: this.#otherAsset === undefined ? sums : [asset, ...sums] }
  }

  // Of open holds nobody demands a record; once there is one, all of the subject are compared.
  get #expectsHolds(): boolean {
    return this.#expected.heldDebits > 0n || this.#expected.heldCredits > 0n
  }
}

/** All entries of a subject on an account, in the order of time; of holds only the open ones are kept. */
export class SubjectEntries {
  count = 0
  readonly #accountId: bigint
  readonly #moved = noSums()
  readonly #open = new Map<bigint, Transfer>()

  constructor(accountId: bigint) {
    this.#accountId = accountId
  }

  /** Notes an entry. One that is `named`, by a record of its own, only ends its hold. */
  note(transfer: Transfer, named: boolean): void {
    this.#open.delete(transfer.pendingId)
    if (named) return
    this.count += 1
    if (isHold(transfer)) this.#open.set(transfer.id, transfer)
    if (movedMoney(transfer)) addTo(this.#moved, sideOf(transfer, this.#accountId), false, transfer.amount)
  }

  /** What moved, and what is set aside now. */
  sums(nowNs: bigint): Sums {
    const sums = { ...this.#moved }
    for (const hold of this.#open.values()) {
      const isOpen = standingOf(hold, undefined, nowNs).status === 'PENDING'
      if (isOpen) addTo(sums, sideOf(hold, this.#accountId), true, hold.amount)
    }
    return sums
  }
}

function addTo(sums: Sums, side: StatementRecord['side'], held: boolean, amount: bigint): void {
  if (side === 'DEBIT') sums[held ? 'heldDebits' : 'debits'] += amount
  else sums[held ? 'heldCredits' : 'credits'] += amount
}

function isSame(a: Sums, b: Sums): boolean {
  return FIELDS.every(([, key]) => a[key] === b[key])
}

function differencesOf(expected: Sums, found: Sums): Difference[] {
  return FIELDS.flatMap(([field, key]) =>
    expected[key] === found[key] ? [] : [{ field, expected: String(expected[key]), found: String(found[key]) }],
  )
}
