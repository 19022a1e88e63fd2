// The services' implementation: one line an RPC.
import { IntentAdminServiceService } from '../../gen/paymesh/intent/v1/intent_admin_service.js'
import { IntentServiceService } from '../../gen/paymesh/intent/v1/intent_service.js'
import { ProviderCallbackServiceService } from '../../gen/paymesh/intent/v1/provider_callback_service.js'
import { WalletServiceService } from '../../gen/paymesh/intent/v1/wallet_service.js'
import { WebhookServiceService } from '../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call, type ServerStream, type Unary } from '../runtime/call.js'
import { bind, type Binding } from '../runtime/server.js'
import { outward } from './errors.js'
import { searchIntents } from './rpc/search-intents.js'
import { listStuckIntents } from './rpc/list-stuck-intents.js'
import { resumeIntent } from './rpc/resume-intent.js'
import { failIntent } from './rpc/fail-intent.js'
import { approveIntent } from './rpc/approve-intent.js'
import { rejectIntent } from './rpc/reject-intent.js'
import { getTotals } from './rpc/get-totals.js'
import { replayEvents } from './rpc/replay-events.js'
import { cancelIntent } from './rpc/cancel-intent.js'
import { closeWallet } from './rpc/close-wallet.js'
import { confirmIntent } from './rpc/confirm-intent.js'
import { createIntent } from './rpc/create-intent.js'
import { createWallet } from './rpc/create-wallet.js'
import { createWebhookEndpoint } from './rpc/create-webhook-endpoint.js'
import { deleteWebhookEndpoint } from './rpc/delete-webhook-endpoint.js'
import { freezeWallet } from './rpc/freeze-wallet.js'
import { fundWallet } from './rpc/fund-wallet.js'
import { getAutoTopUp } from './rpc/get-auto-top-up.js'
import { getIntent } from './rpc/get-intent.js'
import { getWallet } from './rpc/get-wallet.js'
import { getWebhookEndpoint } from './rpc/get-webhook-endpoint.js'
import { listIntents } from './rpc/list-intents.js'
import { listLedgerRecords } from './rpc/list-ledger-records.js'
import { listTransactions } from './rpc/list-transactions.js'
import { listWallets } from './rpc/list-wallets.js'
import { listWebhookDeliveries } from './rpc/list-webhook-deliveries.js'
import { listWebhookEndpoints } from './rpc/list-webhook-endpoints.js'
import { previewIntent } from './rpc/preview-intent.js'
import { listDiscrepancies } from './rpc/list-discrepancies.js'
import { receiveCallback } from './rpc/receive-callback.js'
import { resolveDiscrepancy } from './rpc/resolve-discrepancy.js'
import { refundIntent } from './rpc/refund-intent.js'
import { replayWebhookDelivery } from './rpc/replay-webhook-delivery.js'
import { rotateWebhookSecret } from './rpc/rotate-webhook-secret.js'
import { streamTransactions } from './rpc/stream-transactions.js'
import { unfreezeWallet } from './rpc/unfreeze-wallet.js'
import { updateAutoTopUp } from './rpc/update-auto-top-up.js'
import { updateWallet } from './rpc/update-wallet.js'
import { updateWebhookEndpoint } from './rpc/update-webhook-endpoint.js'
import { watchIntent } from './rpc/watch-intent.js'
import { type RpcDeps } from './rpc/deps.js'

export const serviceNames = [
  'paymesh.intent.v1.IntentService',
  'paymesh.intent.v1.WalletService',
  'paymesh.intent.v1.IntentAdminService',
  'paymesh.intent.v1.WebhookService',
  'paymesh.intent.v1.ProviderCallbackService',
] as const

export function bindings(deps: RpcDeps): Binding[] {
  return [
    bind(IntentServiceService, {
      createIntent: unary(deps, createIntent),
      previewIntent: unary(deps, previewIntent),
      getIntent: unary(deps, getIntent),
      listIntents: unary(deps, listIntents),
      confirmIntent: unary(deps, confirmIntent),
      cancelIntent: unary(deps, cancelIntent),
      refundIntent: unary(deps, refundIntent),
      watchIntent: serverStream(deps, watchIntent),
    }),
    bind(WalletServiceService, {
      createWallet: unary(deps, createWallet),
      getWallet: unary(deps, getWallet),
      listWallets: unary(deps, listWallets),
      updateWallet: unary(deps, updateWallet),
      freezeWallet: unary(deps, freezeWallet),
      unfreezeWallet: unary(deps, unfreezeWallet),
      closeWallet: unary(deps, closeWallet),
      listTransactions: unary(deps, listTransactions),
      streamTransactions: serverStream(deps, streamTransactions),
      getAutoTopUp: unary(deps, getAutoTopUp),
      updateAutoTopUp: unary(deps, updateAutoTopUp),
      fundWallet: unary(deps, fundWallet),
    }),
    bind(IntentAdminServiceService, {
      listLedgerRecords: unary(deps, listLedgerRecords),
      searchIntents: unary(deps, searchIntents),
      listStuckIntents: unary(deps, listStuckIntents),
      resumeIntent: unary(deps, resumeIntent),
      failIntent: unary(deps, failIntent),
      approveIntent: unary(deps, approveIntent),
      rejectIntent: unary(deps, rejectIntent),
      getTotals: unary(deps, getTotals),
      replayEvents: unary(deps, replayEvents),
      listDiscrepancies: unary(deps, listDiscrepancies),
      resolveDiscrepancy: unary(deps, resolveDiscrepancy),
    }),
    bind(ProviderCallbackServiceService, { receiveCallback: unary(deps, receiveCallback) }),
    bind(WebhookServiceService, {
      createWebhookEndpoint: unary(deps, createWebhookEndpoint),
      getWebhookEndpoint: unary(deps, getWebhookEndpoint),
      listWebhookEndpoints: unary(deps, listWebhookEndpoints),
      updateWebhookEndpoint: unary(deps, updateWebhookEndpoint),
      deleteWebhookEndpoint: unary(deps, deleteWebhookEndpoint),
      rotateWebhookSecret: unary(deps, rotateWebhookSecret),
      listWebhookDeliveries: unary(deps, listWebhookDeliveries),
      replayWebhookDelivery: unary(deps, replayWebhookDelivery),
    }),
  ]
}

function unary<Q, R>(deps: RpcDeps, handle: (deps: RpcDeps, call: Call, request: Q) => Promise<R>): Unary<Q, R> {
  return async (call, request) => {
    try {
      return await handle(deps, call, request)
    } catch (error) {
      throw outward(error)
    }
  }
}

function serverStream<Q, R>(
  deps: RpcDeps,
  handle: (deps: RpcDeps, call: Call, request: Q) => AsyncIterable<R>,
): ServerStream<Q, R> {
  return async function* (call, request) {
    try {
      yield* handle(deps, call, request)
    } catch (error) {
      throw outward(error)
    }
  }
}
