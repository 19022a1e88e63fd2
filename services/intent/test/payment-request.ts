// Requests to pay, with ids of their own.
import { randomUUID } from 'node:crypto'
import { CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { CaptureMode } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'

export interface PaymentChange {
  requestId?: string
  metadata?: Record<string, string>
  assetCode?: string
  operationType?: string
  /** Hold the money for so long. */
  holdSeconds?: number
}

/** A request to pay from one wallet to another. */
export function paymentRequest(
  payer: Wallet,
  payee: Wallet,
  minorUnits: bigint,
  change: PaymentChange = {},
): CreateIntentRequest {
  return CreateIntentRequest.fromPartial({
    requestId: change.requestId ?? randomUUID(),
    intent: {
      operationType: change.operationType ?? 'P2P_TRANSFER',
      ...(change.holdSeconds === undefined
        ? {}
        : { captureMode: CaptureMode.MANUAL, holdDuration: { seconds: BigInt(change.holdSeconds), nanos: 0 } }),
      payer: { party: { $case: 'wallet', wallet: payer.name } },
      payee: { party: { $case: 'wallet', wallet: payee.name } },
      amount: { assetCode: change.assetCode ?? payer.assetCode, minorUnits },
      metadata: change.metadata ?? {},
    },
  })
}

/** A request to pay to a bank account. */
export function withdrawalRequest(
  payer: Wallet,
  minorUnits: bigint,
  accountNumber = '1234567890',
): CreateIntentRequest {
  const bankAccount = { bankCode: '004', accountNumber }
  return CreateIntentRequest.fromPartial({
    requestId: randomUUID(),
    intent: {
      operationType: 'IPPS_WITHDRAWAL',
      payer: { party: { $case: 'wallet', wallet: payer.name } },
      payee: { party: { $case: 'external', external: { party: { $case: 'bankAccount', bankAccount } } } },
      amount: { assetCode: 'THB', minorUnits },
    },
  })
}
