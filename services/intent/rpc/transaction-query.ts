// What ListTransactions and StreamTransactions have in common.
import {
  type Transaction as TransactionMessage,
  TransactionDirection,
  TransactionKind,
} from '../../../gen/paymesh/intent/v1/transaction.js'
import { type Call } from '../../runtime/call.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { walletAccount } from '../ledger/account-names.js'
import { type Direction, type Transaction, type TransactionDeps } from '../wallets/transactions.js'
import { timestampFromNs } from '../wallets/wallet-accounts-client.js'
import { type Wallet } from '../wallets/wallet.js'
import { type RpcDeps } from './deps.js'
import { partyToMessage } from './intent-message.js'

/** Where a wallet's transactions come from. */
export function transactionDeps(deps: RpcDeps, call: Call, wallet: Wallet): TransactionDeps {
  return {
    entries: (query) => deps.walletAccounts.entries(walletAccount(wallet.id), query, { parent: call }),
    intents: (ids) => deps.store.byIds(ids),
  }
}

export function checkDirection(check: FieldCheck, direction: TransactionDirection): Direction | undefined {
  switch (direction) {
    case TransactionDirection.UNSPECIFIED:
      return undefined
    case TransactionDirection.IN:
      return 'IN'
    case TransactionDirection.OUT:
      return 'OUT'
    default:
      check.that(false, 'direction', 'must be a known direction')
      return undefined
  }
}

export function transactionToMessage(transaction: Transaction, assetCode: string): TransactionMessage {
  const { payment, kind, direction, timeNs } = transaction
  const money = (minorUnits: bigint | undefined) => (minorUnits === undefined ? undefined : { assetCode, minorUnits })
  return {
    intent: payment ? `intents/${payment.intentId}` : '',
    operationType: payment?.operationType ?? '',
    kind: TransactionKind[kind],
    direction: TransactionDirection[direction],
    total: money(transaction.totalMinor),
    amount: money(payment?.price?.amountMinor),
    fees: (payment?.price?.fees ?? []).map(({ feeId, amountMinor }) => ({ feeId, amount: money(amountMinor) })),
    counterparty: payment && partyToMessage(payment.counterparty),
    balanceAfter: money(transaction.balanceMinor),
    availableAfter: money(transaction.availableMinor),
    time: timestampFromNs(timeNs),
  }
}
