// What an intent must have moved on an account of the Ledger, as records to reconcile it with.
import { EntrySide } from '../../../gen/paymesh/ledger/v1/entry.js'
import { RecordStatus, type StatementRecord } from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { type Money } from '../../../gen/paymesh/money/v1/money.js'
import { fromUint128, toUint128, type Uint128Parts } from '../../runtime/ids.js'
import { type AccountIds } from '../ledger/account-ids.js'
import { type ChainPlan } from './chain.js'
import { firstPlan, postPlan } from './chain-plans.js'
import { transfersOf } from './chain-runner.js'
import { type Channel } from '../channels/channel.js'
import { type Channels } from '../channels/channels.js'
import { type Intent, isFinal, isResting, reachedMs } from '../intents/intent.js'
import { type Booking } from '../providers/discrepancy-store.js'
import { bookingPlan } from '../providers/late-success.js'

export interface LedgerRecordsDeps {
  readonly accountIds: AccountIds
  readonly channels: Pick<Channels, 'of'>
}

/** The account that records are wanted of, and the ledger of the intent's asset. */
export interface LedgerPlace {
  readonly account: string
  readonly ledgerNumber: number
}

/**
 * A record for each transfer by which the intent moves or holds money on the account. The transfers are made by what makes
 * them for the Ledger, from the intent's id and its frozen decision. Of an intent under way they are undecided: its chain
 * may have been applied and the outcome not yet written. Of one that ended otherwise than SETTLED there are none.
 */
export function ledgerRecordsOf(deps: LedgerRecordsDeps, intent: Intent, place: LedgerPlace): StatementRecord[] {
  if (isFinal(intent) && intent.status.state !== 'SETTLED') return []
  const channel = deps.channels.of(intent)
  // Leaving the intent out would say that its transfers must not be there.
  if (channel === undefined) throw new Error(`this process does not have the channel of intent ${intent.id}`)
  const settleMs = reachedMs(intent, 'SETTLED')
  const plan = movingPlan(intent, channel)
  return movementsOf(deps, intent, plan, place).map(({ leg, ...movement }) =>
    recordOf(movement, {
      externalId: `intents/${intent.id}/legs/${leg}`,
      timeMs: settleMs,
      status: plan.action.kind === 'hold' ? RecordStatus.PENDING : RecordStatus.POSTED,
      undecided: settleMs === undefined && !isResting(intent),
    }),
  )
}

/** A record for what was booked from suspense for the intent, when it is on the account; undecided while it may not be. */
export function bookingRecordsOf(
  deps: Pick<LedgerRecordsDeps, 'accountIds'>,
  intent: Intent,
  { provider, amountMinor, tryNumber, bookMs }: Booking,
  place: LedgerPlace,
): StatementRecord[] {
  return movementsOf(deps, intent, bookingPlan(intent, { provider, amountMinor, tryNumber }), place).map((movement) =>
    recordOf(movement, {
      externalId: `intents/${intent.id}/booking`,
      timeMs: bookMs,
      status: RecordStatus.POSTED,
      undecided: bookMs === undefined,
    }),
  )
}

interface Movement {
  readonly transferId: Uint128Parts
  readonly side: EntrySide
  readonly money: Money
}

/** What a chain moves on the account. */
function movementsOf(
  { accountIds }: Pick<LedgerRecordsDeps, 'accountIds'>,
  intent: Intent,
  plan: ChainPlan,
  { account, ledgerNumber }: LedgerPlace,
): (Movement & { readonly leg: number })[] {
  const accountId = fromUint128(accountIds.of(account))
  return transfersOf(accountIds, intent, plan, ledgerNumber).flatMap((transfer, leg) => {
    const isDebit = fromUint128(transfer.debitAccountId) === accountId
    if (!isDebit && fromUint128(transfer.creditAccountId) !== accountId) return []
    const side = isDebit ? EntrySide.DEBIT : EntrySide.CREDIT
    const money = { assetCode: intent.assetCode, minorUnits: fromUint128(transfer.amount) }
    // By its hold, because which of its tries posted it only the Ledger knows.
    return [{ leg, transferId: toUint128(fromUint128(transfer.pendingId ?? transfer.id)), side, money }]
  })
}

interface RecordFields {
  readonly externalId: string
  readonly timeMs: number | undefined
  readonly status: RecordStatus
  readonly undecided: boolean
}

function recordOf(
  { transferId, side, money }: Movement,
  { externalId, timeMs, status, undecided }: RecordFields,
): StatementRecord {
  const time = timeMs === undefined ? undefined : timestampOf(timeMs)
  return { externalId, key: { $case: 'transferId', transferId }, side, amount: money, time, status, undecided }
}

/** The chain that moved the money, or is to; that holds it while nobody has confirmed. */
function movingPlan(intent: Intent, channel: Channel): ChainPlan {
  const { captureMinor } = intent
  return captureMinor === undefined ? firstPlan(intent, channel) : postPlan(intent, channel, captureMinor)
}

function timestampOf(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 }
}
