// What an intent must have moved on an account of the Ledger, as records to reconcile it with.
import { EntrySide } from '../../gen/paymesh/ledger/v1/entry.js'
import { RecordStatus, type StatementRecord } from '../../gen/paymesh/ledger/v1/reconciliation.js'
import { fromUint128, toUint128 } from '../runtime/ids.js'
import { type AccountIds } from './account-ids.js'
import { transfersOf } from './chain-runner.js'
import { channelOf } from './channels/registry.js'
import { type Intent, reachedMs } from './intent.js'

/**
 * A record for each transfer of the intent's chain that touches the account. The transfers are made by what makes them
 * for the Ledger, from the intent's id and its frozen decision. Of an unfinished intent they are undecided: its chain may
 * have been applied and the outcome not yet written.
 */
export function ledgerRecordsOf(
  accountIds: AccountIds,
  intent: Intent,
  account: string,
  ledgerNumber: number,
): StatementRecord[] {
  const channel = channelOf(intent)
  // Leaving the intent out would say that its transfers must not be there.
  if (channel === undefined) throw new Error(`this process does not have the channel of intent ${intent.id}`)
  const accountId = fromUint128(accountIds.of(account))
  const settleMs = reachedMs(intent, 'SETTLED')
  return transfersOf(accountIds, intent, channel.legs(intent), ledgerNumber).flatMap(
    (transfer, leg): StatementRecord[] => {
      const isDebit = fromUint128(transfer.debitAccountId) === accountId
      if (!isDebit && fromUint128(transfer.creditAccountId) !== accountId) return []
      return [
        {
          externalId: `intents/${intent.id}/legs/${leg}`,
          key: { $case: 'transferId', transferId: toUint128(fromUint128(transfer.id)) },
          side: isDebit ? EntrySide.DEBIT : EntrySide.CREDIT,
          amount: { assetCode: intent.assetCode, minorUnits: fromUint128(transfer.amount) },
          time: settleMs === undefined ? undefined : timestamp(settleMs),
          status: RecordStatus.POSTED,
          undecided: intent.status.state !== 'SETTLED',
        },
      ]
    },
  )
}

function timestamp(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 }
}
