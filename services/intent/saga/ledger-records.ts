// What an intent must have moved on an account of the Ledger, as records to reconcile it with.
import { EntrySide } from '../../../gen/paymesh/ledger/v1/entry.js'
import { RecordStatus, type StatementRecord } from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { fromUint128, toUint128 } from '../../runtime/ids.js'
import { type AccountIds } from '../ledger/account-ids.js'
import { type ChainPlan } from './chain.js'
import { firstPlan, postPlan } from './chain-plans.js'
import { transfersOf } from './chain-runner.js'
import { type Channel } from '../channels/channel.js'
import { type Channels } from '../channels/channels.js'
import { type Intent, isResting, reachedMs } from '../intents/intent.js'

export interface LedgerRecordsDeps {
  readonly accountIds: AccountIds
  readonly channels: Pick<Channels, 'of'>
}

/**
 * A record for each transfer by which the intent moves or holds money on the account. The transfers are made by what makes
 * them for the Ledger, from the intent's id and its frozen decision. Of an intent under way they are undecided: its chain
 * may have been applied and the outcome not yet written.
 */
export function ledgerRecordsOf(
  { accountIds, channels }: LedgerRecordsDeps,
  intent: Intent,
  account: string,
  ledgerNumber: number,
): StatementRecord[] {
  const channel = channels.of(intent)
  // Leaving the intent out would say that its transfers must not be there.
  if (channel === undefined) throw new Error(`this process does not have the channel of intent ${intent.id}`)
  const accountId = fromUint128(accountIds.of(account))
  const settleMs = reachedMs(intent, 'SETTLED')
  const plan = movingPlan(intent, channel)
  return transfersOf(accountIds, intent, plan, ledgerNumber).flatMap((transfer, leg): StatementRecord[] => {
    const isDebit = fromUint128(transfer.debitAccountId) === accountId
    if (!isDebit && fromUint128(transfer.creditAccountId) !== accountId) return []
    return [
      {
        externalId: `intents/${intent.id}/legs/${leg}`,
        key: { $case: 'transferId', transferId: toUint128(fromUint128(transfer.id)) },
        side: isDebit ? EntrySide.DEBIT : EntrySide.CREDIT,
        amount: { assetCode: intent.assetCode, minorUnits: fromUint128(transfer.amount) },
        time: settleMs === undefined ? undefined : timestamp(settleMs),
        status: plan.action.kind === 'hold' ? RecordStatus.PENDING : RecordStatus.POSTED,
        undecided: settleMs === undefined && !isResting(intent),
      },
    ]
  })
}

/** The chain that moved the money, or is to; that holds it while nobody has confirmed. */
function movingPlan(intent: Intent, channel: Channel): ChainPlan {
  const { captureMinor } = intent
  return captureMinor === undefined ? firstPlan(intent, channel) : postPlan(intent, channel, captureMinor)
}

function timestamp(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 }
}
