// Makes sure that an intent's first chain can never be applied.
//
// The Ledger burns the id of a transfer that failed for a reason that may pass. So the id of the chain's first leg is
// spent on a transfer from an account that does not exist: from then on the chain is refused, whoever has it under way. If
// the chain was applied before, its leg is there and the Ledger says so.
import { type Transfer } from '../../../gen/paymesh/ledger/v1/transfer.js'
import { toUint128, uuidToBigint } from '../../runtime/ids.js'
import { type AccountIds } from '../ledger/account-ids.js'
import { transitAccount } from '../ledger/account-names.js'
import { TransferCode, transferId } from './chain.js'
import { type Intent } from '../intents/intent.js'
import { type Ledger } from '../ledger/ledger-client.js'
import { TransferStatus } from '../ledger/transfer-status.js'

export type Burnt =
  /** The chain was not applied and never will be. */
  | { readonly kind: 'burnt' }
  /** The chain was applied. */
  | { readonly kind: 'applied' }
  | { readonly kind: 'undecided'; readonly cause: string }

export interface BurnDeps {
  readonly ledger: Pick<Ledger, 'ledgerNumber' | 'submit'>
  readonly accountIds: AccountIds
}

/** Burns the first chain of an intent's attempt. Rejects with RpcError. */
export async function burnChain({ ledger, accountIds }: BurnDeps, intent: Intent): Promise<Burnt> {
  const ledgerNumber = await ledger.ledgerNumber(intent.assetCode)
  if (ledgerNumber === undefined) return { kind: 'undecided', cause: `asset ${intent.assetCode} is not defined` }
  const intentId = uuidToBigint(intent.id)
  const transfer: Transfer = {
    id: toUint128(transferId(intentId, intent.attempt, 1, 0)),
    // The name of no account, as names of accounts begin otherwise.
    debitAccountId: accountIds.of(`burnt/${intent.id}`),
    creditAccountId: accountIds.of(transitAccount(intent.assetCode)),
    amount: toUint128(1n),
    pendingId: undefined,
    userData128: toUint128(intentId),
    userData64: 0n,
    userData32: 0,
    timeoutSeconds: 0,
    ledger: ledgerNumber,
    code: TransferCode.PAY,
    flags: 0,
    timestamp: 0n,
  }
  const outcome = await ledger.submit([transfer])
  if (outcome.kind === 'unknown') return { kind: 'undecided', cause: outcome.cause }
  return readStatus(outcome.statuses[0])
}

function readStatus(status: TransferStatus | undefined): Burnt {
  switch (status) {
    case TransferStatus.debit_account_not_found:
    case TransferStatus.id_already_failed:
      return { kind: 'burnt' }
    // The leg is linked, held or of another account: whichever the Ledger compares first.
    case TransferStatus.exists_with_different_flags:
    case TransferStatus.exists_with_different_debit_account_id:
      return { kind: 'applied' }
    default:
      return { kind: 'undecided', cause: `burning the chain was answered with status ${status}` }
  }
}
