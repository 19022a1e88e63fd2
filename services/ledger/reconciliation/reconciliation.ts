// Compares one account with the records of another side.
//
// A record is looked up by its key wherever its entry lies in time: clocks differ, and a bank books a second later. Then
// every entry of the period that moved money must have a record that stands for it. So a record at the border of two
// periods matches in the one whose file has it, and an entry there is demanded by the one period that it is in.
//
// An entry that a record names by its transfer is that record's alone; what is left of a subject belongs to the records
// of the subject together. A hold has moved nothing: nobody demands a record of it. A record that names one stands for what
// became of the hold, and for the transfer that posted it. While the other side does not know what becomes of the hold, it
// may do what it likes but move something else.
//
// What is kept of each record is its key when it is keyed by transfer, and its group when by subject; findings leave as
// they are known.
import { type Engine, EVENTS_MAX } from '../engine.js'
import { type Transfer } from '../state-machine/transfer.js'
import { TIMESTAMP_MAX } from '../state-machine/u128.js'
import { isHold, isOn, movedMoney, sideOf, type Standing, standingOf } from './standing.js'
import { type Difference, type Finding, noTotals, type Outcome, type StatementRecord } from './statement-record.js'
import { SubjectEntries, SubjectGroup } from './subject-group.js'
import { findResolution, transferPages } from './transfer-pages.js'

export interface ReconciliationOptions {
  readonly engine: Pick<Engine, 'getAccountTransfers' | 'lookupTransfers'>
  readonly account: { readonly id: bigint; readonly name: string; readonly assetCode: string }
  /** Nanoseconds since 1970, both inclusive. */
  readonly period: { readonly min: bigint; readonly max: bigint }
  readonly nowNs: () => bigint
  /** Says between which accounts a transfer is, for people. */
  readonly describe: (transfer: Transfer) => Promise<string>
  /** Ends the reconciliation between two pages. */
  readonly signal: AbortSignal
}

/** A record that names a hold on the account. */
interface NamedHold {
  readonly record: StatementRecord
  readonly hold: Transfer
  resolution: Transfer | undefined
}

export class Reconciliation {
  readonly totals = noTotals()
  recordCount = 0
  entryCount = 0
  matchedOutsidePeriodCount = 0
  readonly #options: ReconciliationOptions
  /** The transfers that records name. */
  readonly #named = new Set<bigint>()
  readonly #holds = new Map<bigint, NamedHold>()
  readonly #groups = new Map<bigint, SubjectGroup>()

  constructor(options: ReconciliationOptions) {
    this.#options = options
  }

  /** Takes records in; answers what is found already. */
  async take(records: readonly StatementRecord[]): Promise<Finding[]> {
    this.recordCount += records.length
    const duplicates = new Set(records.filter((record) => !this.#isFirst(record)))
    const byTransfer = records.filter((record) => record.key.kind === 'transfer' && !duplicates.has(record))
    const found = await this.#lookup(byTransfer.map(({ key }) => key.id))
    const findings = [...duplicates].map((record) => this.#duplicate(record))
    for (const record of byTransfer) {
      const transfer = found.get(record.key.id)
      const isHere = transfer !== undefined && isOn(transfer, this.#options.account.id)
      if (isHere && isHold(transfer)) {
        this.#holds.set(transfer.id, { record, hold: transfer, resolution: undefined })
      } else {
        findings.push(...(await this.#compare(record, transfer)))
      }
    }
    return findings
  }

  /** Reads the ledger, once all records are in. Answers what each step of it finds. */
  async *finish(): AsyncGenerator<readonly Finding[], void> {
    const { engine, account, period, signal, nowNs } = this.#options
    // What happens from here on is not in anybody's file yet.
    const now = nowNs()
    const max = period.max < now ? period.max : now
    for await (const page of transferPages(engine, { accountId: account.id, min: period.min, max })) {
      signal.throwIfAborted()
      this.entryCount += page.length
      yield page.flatMap((transfer) => this.#demand(transfer))
    }
    for (const held of this.#holds.values()) {
      signal.throwIfAborted()
      yield await this.#compareHold(held)
    }
    for (const [subject, group] of this.#groups) {
      signal.throwIfAborted()
      yield await this.#compareGroup(subject, group)
    }
  }

  /** Notes the key of a record; false when it is a duplicate of one before. */
  #isFirst(record: StatementRecord): boolean {
    const { kind, id } = record.key
    if (kind === 'transfer') {
      const isNew = !this.#named.has(id)
      this.#named.add(id)
      return isNew
    }
    const group = this.#groups.get(id) ?? new SubjectGroup(record, this.#options.account.assetCode)
    this.#groups.set(id, group)
    return group.add(record)
  }

  async #lookup(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, Transfer>> {
    const found = new Map<bigint, Transfer>()
    for (let at = 0; at < ids.length; at += EVENTS_MAX) {
      const transfers = await this.#options.engine.lookupTransfers(ids.slice(at, at + EVENTS_MAX))
      for (const transfer of transfers) found.set(transfer.id, transfer)
    }
    return found
  }

  /** A record keyed by a transfer that is no hold on this account, if it is there at all. */
  async #compare(record: StatementRecord, transfer: Transfer | undefined): Promise<Finding[]> {
    const { account, describe, nowNs } = this.#options
    if (transfer === undefined) {
      this.#count(record.isUndecided ? 'UNDECIDED' : 'MISSING_HERE', record)
      return record.isUndecided ? [] : [{ outcome: 'MISSING_HERE', record, recordCount: 1 }]
    }
    if (isOn(transfer, account.id)) return this.#judge(record, transfer, standingOf(transfer, undefined, nowNs()))
    this.#count('DIFFERENT', record)
    const differences = [{ field: 'account', expected: account.name, found: await describe(transfer) }]
    return [{ outcome: 'DIFFERENT', record, recordCount: 1, transfer: undefined, differences }]
  }

  async #compareHold({ record, hold, resolution }: NamedHold): Promise<Finding[]> {
    const resolved = resolution ?? (await findResolution(this.#options.engine, hold))
    const standing = standingOf(hold, resolved, this.#options.nowNs())
    const isPost = resolved !== undefined && standing.status === 'POSTED'
    if (isPost && !record.isPending && this.#named.has(resolved.id)) return [this.#duplicate(record)]
    if (record.isUndecided && !hasHappened(record, standing)) {
      this.#count('UNDECIDED', record)
      return []
    }
    return this.#judge(record, hold, standing)
  }

  #judge(record: StatementRecord, transfer: Transfer, standing: Standing): Finding[] {
    const { account, period } = this.#options
    const differences = differencesOf(record, sideOf(transfer, account.id), account.assetCode, standing)
    if (differences.length > 0) {
      this.#count('DIFFERENT', record)
      return [{ outcome: 'DIFFERENT', record, recordCount: 1, transfer, differences }]
    }
    this.#count('MATCHED', record)
    const { timestamp } = standing
    if (timestamp < period.min || timestamp > period.max) this.matchedOutsidePeriodCount += 1
    return []
  }

  /** An entry of the period: it belongs to a record, or to the records of its subject, or one is missing. */
  #demand(transfer: Transfer): Finding[] {
    const held = this.#holds.get(transfer.pendingId)
    if (held !== undefined) held.resolution = transfer
    if (this.#isNamed(transfer)) return []
    const group = this.#groups.get(transfer.userData128)
    if (group !== undefined) {
      group.note(transfer, this.#options.account.id)
      return []
    }
    if (!movedMoney(transfer)) return []
    const total = this.totals.MISSING_THERE
    total.count += 1
    total[sideOf(transfer, this.#options.account.id) === 'DEBIT' ? 'debits' : 'credits'] += transfer.amount
    return [{ outcome: 'MISSING_THERE', transfer }]
  }

  async #compareGroup(subject: bigint, group: SubjectGroup): Promise<Finding[]> {
    if (group.isMatchedInPeriod) {
      this.#countGroup('MATCHED', group)
      return []
    }
    const verdict = group.compare(await this.#entriesOf(subject), this.#options.nowNs())
    const { first: record, count: recordCount } = group
    switch (verdict.kind) {
      case 'matched':
        this.#countGroup('MATCHED', group)
        if (verdict.outsidePeriod) this.matchedOutsidePeriodCount += recordCount
        return []
      case 'absent':
        this.#countGroup('MISSING_HERE', group)
        return [{ outcome: 'MISSING_HERE', record, recordCount }]
      case 'different': {
        const { differences } = verdict
        this.#countGroup('DIFFERENT', group)
        return [{ outcome: 'DIFFERENT', record, recordCount, transfer: undefined, differences }]
      }
    }
  }

  async #entriesOf(subject: bigint): Promise<SubjectEntries> {
    const { engine, account } = this.#options
    const entries = new SubjectEntries(account.id)
    for await (const page of transferPages(engine, { accountId: account.id, min: 1n, max: TIMESTAMP_MAX, subject })) {
      for (const transfer of page) entries.note(transfer, this.#isNamed(transfer))
    }
    return entries
  }

  /** Whether a record is about this very transfer, or about the hold that it ends. */
  #isNamed({ id, pendingId }: Transfer): boolean {
    return this.#named.has(id) || this.#holds.has(pendingId)
  }

  #duplicate(record: StatementRecord): Finding {
    this.#count('DUPLICATE', record)
    return { outcome: 'DUPLICATE', record, recordCount: 1 }
  }

  #count(outcome: Outcome, { assetCode, amount, side }: StatementRecord): void {
    const total = this.totals[outcome]
    total.count += 1
    if (assetCode !== this.#options.account.assetCode) return
    total[side === 'DEBIT' ? 'debits' : 'credits'] += amount
  }

  #countGroup(outcome: Outcome, { count, sums }: SubjectGroup): void {
    const total = this.totals[outcome]
    total.count += count
    total.debits += sums.debits
    total.credits += sums.credits
  }
}

/** Whether a hold has come to where a record says that it may. What has moved something may be where it should not. */
function hasHappened({ isPending }: StatementRecord, { status }: Standing): boolean {
  return status === 'POSTED' || (isPending && status === 'PENDING')
}

function differencesOf(
  record: StatementRecord,
  side: StatementRecord['side'],
  assetCode: string,
  { status, amount }: Standing,
): Difference[] {
  const fields: Difference[] = [
    { field: 'side', expected: record.side, found: side },
    { field: 'amount', expected: String(record.amount), found: String(amount) },
    { field: 'asset_code', expected: record.assetCode, found: assetCode },
    { field: 'status', expected: record.isPending ? 'PENDING' : 'POSTED', found: status },
  ]
  return fields.filter(({ expected, found }) => expected !== found)
}
