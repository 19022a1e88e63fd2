import { randomUUID } from 'node:crypto'
import { CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'

/** A request to pay from a wallet to a bank account. */
export function withdrawalRequest(payer: Wallet, minorUnits: bigint): CreateIntentRequest {
  const bankAccount = { bankCode: '004', accountNumber: '1234567890' }
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
