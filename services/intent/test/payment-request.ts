// Requests to pay, with ids of their own.
import { randomUUID } from 'node:crypto'
import { CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { CaptureMode, type ExternalParty } from '../../../gen/paymesh/intent/v1/intent.js'
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
  return requestOutside('IPPS_WITHDRAWAL', payer, minorUnits, { $case: 'bankAccount', bankAccount })
}

/** A request to pay the merchant behind a QR code. */
export function qrRequest(payer: Wallet, minorUnits: bigint): CreateIntentRequest {
  const qrPayload = '00020101021129370016A000000677010111011300668012345675802TH530376463046197'
  return requestOutside('THAI_QR_PAY', payer, minorUnits, { $case: 'qrPayload', qrPayload })
}

/** A request to top up an account at QP. */
export function topUpRequest(payer: Wallet, minorUnits: bigint): CreateIntentRequest {
  return requestOutside('QP_TOPUP', payer, minorUnits, { $case: 'accountNumber', accountNumber: '+66812345678' })
}

/** A request of each operation that a provider carries out. */
export const requestsOutside = {
  IPPS_WITHDRAWAL: withdrawalRequest,
  THAI_QR_PAY: qrRequest,
  QP_TOPUP: topUpRequest,
} as const
export type OperationOutside = keyof typeof requestsOutside

function requestOutside(
  operationType: OperationOutside,
  payer: Wallet,
  minorUnits: bigint,
  external: NonNullable<ExternalParty['party']>,
): CreateIntentRequest {
  return CreateIntentRequest.fromPartial({
    requestId: randomUUID(),
    intent: {
      operationType,
      payer: { party: { $case: 'wallet', wallet: payer.name } },
      payee: { party: { $case: 'external', external: { party: external } } },
      amount: { assetCode: 'THB', minorUnits },
    },
  })
}
