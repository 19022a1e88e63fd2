// The chain that channels share.
import { strict as assert } from 'node:assert'
import { accountName, transitAccount } from '../ledger/account-names.js'
import { type Leg, TransferCode } from '../saga/chain.js'
import { feesOf, totalsOf } from '../decisions/decision.js'
import { type Intent } from '../intents/intent.js'

/** `throughTransit` to a payee who has an account in the Ledger. */
export function toPayee(intent: Intent, amountMinor: bigint, payerCode: TransferCode): readonly Leg[] {
  const { payee } = intent
  assert(payee.kind !== 'external', 'who is paid here has an account in the Ledger')
  return throughTransit(intent, amountMinor, payerCode, accountName(payee))
}

/**
 * Payer to transit (amount and PRE fees), transit to payee (amount less POST fees), transit to each fee's revenue
 * account. What enters transit leaves it in the same chain. The fees are those of the decision, whatever the amount.
 */
export function throughTransit(
  intent: Intent,
  amountMinor: bigint,
  payerCode: TransferCode,
  payeeAccount: string,
): readonly Leg[] {
  const transit = transitAccount(intent.assetCode)
  const totals = totalsOf(amountMinor, intent.decision)
  const pay: Leg = {
    role: 'payer',
    debitAccount: accountName(intent.payer),
    creditAccount: transit,
    amountMinor: totals.payerMinor,
    code: payerCode,
  }
  const receive: Leg = {
    role: 'payee',
    debitAccount: transit,
    creditAccount: payeeAccount,
    amountMinor: totals.payeeMinor,
    code: TransferCode.RECEIVE,
  }
  const fees = feesOf(intent.decision).map((fee): Leg => ({
    role: 'fee',
    debitAccount: transit,
    creditAccount: fee.revenueAccount,
    amountMinor: fee.amountMinor,
    code: TransferCode.FEE,
  }))
  return [pay, receive, ...fees]
}
