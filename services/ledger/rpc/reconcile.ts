import { type ReconcileRequest, type ReconcileResponse } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import {
  type OutcomeTotal as OutcomeTotalMessage,
  ReconciliationFinding,
  ReconciliationOutcome,
  type ReconciliationSummary,
} from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { type Call } from '../../runtime/call.js'
import { type Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { money } from '../account-message.js'
import { type Engine } from '../engine.js'
import { accountTexts, entriesOf } from '../entries.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { type NamedAccount, type NamedAccountStore } from '../named-account-store.js'
import { Reconciliation } from '../reconciliation/reconciliation.js'
import { type Finding, type OutcomeTotal, type StatementRecord } from '../reconciliation/statement-record.js'
import { type Transfer } from '../state-machine/transfer.js'
import { periodNs } from '../../runtime/period.js'
import { checkedRecords } from './statement-records.js'

// A record keyed by subject takes about half a kilobyte until the end, so that a call takes a hundred megabytes at most.
// A bank's account has as many lines on a day of two payments a second.
const RECORDS_MAX = 200_000

export interface ReconcileDeps {
  readonly engine: Engine
  readonly names: NamedAccountStore
  readonly clock: Clock
}

/** LedgerAdminService.Reconcile. */
export async function* reconcile(
  deps: ReconcileDeps,
  call: Call,
  requests: AsyncIterable<ReconcileRequest>,
): AsyncIterable<ReconcileResponse> {
  let run: Run | undefined
  let isWhole = false
  for await (const request of requests) {
    const parsed = parse(request, run === undefined)
    run ??= await begin(deps, call, request.account, parsed.period)
    if (parsed.records.length > 0) yield* take(run, parsed.records)
    isWhole = request.last
    if (isWhole) break
  }
  // At a drain the requests end as if the caller had ended them; half a file would find the other half missing.
  if (run === undefined || !isWhole) {
    throw ledgerError('RECORDS_INCOMPLETE', 'The records ended before the message marked as the last; send all again.')
  }
  for await (const findings of run.reconciliation.finish()) {
    yield* answersOf(run, findings)
    yield progressOf(run)
  }
  yield { event: { $case: 'summary', summary: summaryOf(run) } }
}

/** A reconciliation under way, and how to show what it finds. */
interface Run {
  readonly reconciliation: Reconciliation
  readonly account: NamedAccount
  readonly names: NamedAccountStore
}

interface Period {
  readonly min: bigint
  readonly max: bigint
}

function parse(request: ReconcileRequest, isFirst: boolean): { period: Period; records: StatementRecord[] } {
  const check = new FieldCheck(DOMAIN)
  let period = { min: 1n, max: 1n }
  if (isFirst) {
    const isName = parseResourceName('accounts/{account}', request.account) !== undefined
    check.that(isName, 'account', 'must be like accounts/{account}')
    period = periodNs(check, request)
  } else {
    const once = 'must be in the first message only'
    check.that(request.account === '', 'account', once)
    check.that(request.startTime === undefined, 'start_time', once)
    check.that(request.endTime === undefined, 'end_time', once)
  }
  const records = checkedRecords(check, request.records)
  check.done()
  return { period, records }
}

async function begin(deps: ReconcileDeps, { signal }: Call, name: string, period: Period): Promise<Run> {
  const { engine, names, clock } = deps
  const account = await names.find(name)
  if (account === undefined) {
    throw ledgerError('ACCOUNT_NOT_FOUND', `${name} does not exist.`, { account: name })
  }
  const reconciliation = new Reconciliation({
    engine,
    account: { id: account.account.id, name, assetCode: account.name.assetCode },
    period,
    nowNs: () => clock.nowNs(),
    describe: (transfer) => describe(names, transfer),
    signal,
  })
  return { reconciliation, account, names }
}

async function describe(names: NamedAccountStore, { debitAccountId, creditAccountId }: Transfer): Promise<string> {
  const textOf = await accountTexts(names, [debitAccountId, creditAccountId])
  return `from ${textOf(debitAccountId)} to ${textOf(creditAccountId)}`
}

async function* take(run: Run, records: readonly StatementRecord[]): AsyncGenerator<ReconcileResponse, void> {
  const { reconciliation } = run
  if (reconciliation.recordCount + records.length > RECORDS_MAX) {
    const message = `At most ${RECORDS_MAX} records go together; reconcile a shorter period.`
    throw ledgerError('TOO_MANY_RECORDS', message, { most: String(RECORDS_MAX) })
  }
  yield* answersOf(run, await reconciliation.take(records))
  yield progressOf(run)
}

async function* answersOf(run: Run, findings: readonly Finding[]): AsyncGenerator<ReconcileResponse, void> {
  const transfers = findings.flatMap((finding) => transferOf(finding) ?? [])
  const entries = await entriesOf(run.names, run.account, transfers)
  const entryAt = new Map(entries.map(({ timestamp, entry }) => [timestamp, entry]))
  for (const finding of findings) {
    const timestamp = transferOf(finding)?.timestamp
    const entry = timestamp === undefined ? undefined : entryAt.get(timestamp)
    const answer = {
      outcome: ReconciliationOutcome[finding.outcome],
      ...(finding.outcome === 'MISSING_THERE'
        ? {}
        : { record: finding.record.message, recordCount: BigInt(finding.recordCount) }),
      ...(entry && { entry }),
      ...(finding.outcome === 'DIFFERENT' ? { differences: [...finding.differences] } : {}),
    }
    yield { event: { $case: 'finding', finding: ReconciliationFinding.fromPartial(answer) } }
  }
}

function transferOf(finding: Finding): Transfer | undefined {
  return finding.outcome === 'MISSING_THERE' || finding.outcome === 'DIFFERENT' ? finding.transfer : undefined
}

function progressOf({ reconciliation: { recordCount, entryCount } }: Run): ReconcileResponse {
  const progress = { recordCount: BigInt(recordCount), entryCount: BigInt(entryCount) }
  return { event: { $case: 'progress', progress } }
}

function summaryOf({ reconciliation: { totals, matchedOutsidePeriodCount }, account }: Run): ReconciliationSummary {
  const total = ({ count, debits, credits }: OutcomeTotal): OutcomeTotalMessage => {
    const { assetCode } = account.name
    return { count: BigInt(count), debits: money(debits, assetCode), credits: money(credits, assetCode) }
  }
  return {
    matched: total(totals.MATCHED),
    missingHere: total(totals.MISSING_HERE),
    missingThere: total(totals.MISSING_THERE),
    different: total(totals.DIFFERENT),
    duplicate: total(totals.DUPLICATE),
    undecided: total(totals.UNDECIDED),
    matchedOutsidePeriodCount: BigInt(matchedOutsidePeriodCount),
  }
}
