import { type FundWalletRequest, type FundWalletResponse } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { settlementAccount } from '../ledger/account-names.js'
import { assetMismatch, errorDomain, walletNotFound } from '../errors.js'
import { type Order, type RequestKey } from '../intents/intent.js'
import { type Payment } from '../saga/payments.js'
import { orderHash } from '../intents/request-hash.js'
import { callerLevel } from './access.js'
import { answerPayment } from './answer-payment.js'
import { type RpcDeps } from './deps.js'
import { checkAmount, checkRequestId, checkText, walletIdOf } from './fields.js'

const referenceLengthMax = 140

/**
 * Puts money from outside into a wallet, anybody's. Fails with INVALID_FIELD, REQUEST_ID_REUSED, WALLET_NOT_FOUND,
 * ASSET_MISMATCH, OVERLOADED, DEPENDENCY_UNAVAILABLE.
 */
export async function fundWallet(deps: RpcDeps, call: Call, request: FundWalletRequest): Promise<FundWalletResponse> {
  const { walletId, order } = parse(request)
  const { requestId } = request
  const key = { creator: callerName(call.caller), requestId, requestHash: orderHash('FundWallet', order) }
  const payment = await fund(deps, call, key, walletId, order)
  return { intent: answerPayment(call, payment, requestId, 'amount') }
}

function parse(request: FundWalletRequest): { walletId: string; order: Order } {
  const check = new FieldCheck(errorDomain)
  const walletId = walletIdOf(request.name)
  check.that(walletId !== undefined, 'name', 'must be wallets/{uuid}')
  checkRequestId(check, request.requestId)
  const amount = checkAmount(check, request.amount, 'amount')
  const { reference } = request
  checkText(check, reference, referenceLengthMax, 'reference')
  check.done()
  const order: Order = {
    operationType: 'WALLET_FUNDING',
    payer: { kind: 'account', account: settlementAccount(amount.assetCode) },
    payee: { kind: 'wallet', walletId: walletId ?? '' },
    ...amount,
    metadata: reference === '' ? {} : { reference },
    holdSeconds: undefined,
  }
  return { walletId: walletId ?? '', order }
}

async function fund(deps: RpcDeps, call: Call, key: RequestKey, walletId: string, order: Order): Promise<Payment> {
  const wallet = await deps.wallets.find(walletId)
  if (wallet?.assetCode !== order.assetCode) {
    // Idempotency comes before state.
    const earlier = await deps.payments.replay(key)
    if (earlier !== undefined) return earlier
    throw wallet === undefined
      ? walletNotFound(`wallets/${walletId}`)
      : assetMismatch(`wallets/${walletId}`, order.assetCode)
  }
  const timeMs = deps.clock.nowMs()
  return await deps.payments.make(call, key, {
    order,
    payerOwner: '',
    payeeOwner: wallet.owner,
    payerTags: [],
    level: callerLevel(call),
    timeMs,
  })
}
