import { type CreateWalletRequest, type CreateWalletResponse } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet as WalletMessage, WalletState } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { assetNotFound, errorDomain, requestIdReused } from '../errors.js'
import { type RequestKey } from '../intents/intent.js'
import { walletHash } from '../intents/request-hash.js'
import { type StoredWallet } from '../wallets/wallet.js'
import { tooManyWallets } from '../wallets/wallet-errors.js'
import { insertWallet } from '../wallets/wallet-store.js'
import { replayHeader } from './answer-payment.js'
import { walletMessage } from './balances.js'
import { type RpcDeps } from './deps.js'
import { checkAssetCode, checkRequestId } from './fields.js'
import { checkDisplayName, checkLabels } from './wallet-fields.js'

/**
 * Creates a wallet for the caller: its row first, its account in the Ledger second, so that no account is ever without
 * a wallet; whoever meets a wallet without an account opens it. Fails with INVALID_FIELD, ASSET_NOT_FOUND,
 * REQUEST_ID_REUSED, TOO_MANY_WALLETS, DEPENDENCY_UNAVAILABLE.
 */
export async function createWallet(
  deps: RpcDeps,
  call: Call,
  request: CreateWalletRequest,
): Promise<CreateWalletResponse> {
  const { assetCode, displayName, labels } = parse(request)
  // Assets are never taken back, so this cannot come between a wallet that was created and its replay.
  if ((await deps.ledger.ledgerNumber(assetCode)) === undefined) throw assetNotFound(assetCode)
  const owner = callerName(call.caller)
  const requestHash = walletHash('CreateWallet', assetCode, displayName, labels)
  const wallet: StoredWallet = {
    id: deps.newWalletId(),
    owner,
    assetCode,
    displayName,
    labels,
    revision: 1,
    createTimeMs: deps.clock.nowMs(),
    open: false,
    closeTimeMs: undefined,
  }
  const written = await writeOnce(deps, call, wallet, { creator: owner, requestId: request.requestId, requestHash })
  await deps.wallets.open(written)
  return { wallet: await walletMessage(deps, call, written) }
}

type Parsed = Pick<StoredWallet, 'assetCode' | 'displayName' | 'labels'>

function parse(request: CreateWalletRequest): Parsed {
  const check = new FieldCheck(errorDomain)
  checkRequestId(check, request.requestId)
  const { wallet } = request
  if (check.that(wallet !== undefined, 'wallet', 'is required') && wallet !== undefined) {
    checkAssetCode(check, wallet.assetCode, 'wallet.asset_code')
    checkDisplayName(check, wallet.displayName, 'wallet.display_name')
    checkLabels(check, wallet.labels, 'wallet.labels')
    checkOutputOnly(check, wallet)
  }
  check.done()
  return { assetCode: wallet?.assetCode ?? '', displayName: wallet?.displayName ?? '', labels: wallet?.labels ?? {} }
}

function checkOutputOnly(check: FieldCheck, wallet: WalletMessage): void {
  const absent = (isAbsent: boolean, field: string) => check.that(isAbsent, `wallet.${field}`, 'must be absent')
  absent(wallet.name === '', 'name')
  absent(wallet.owner === '', 'owner')
  absent(wallet.state === WalletState.UNSPECIFIED, 'state')
  absent(wallet.available === undefined, 'available')
  absent(wallet.held === undefined, 'held')
  absent(wallet.ledgerAccount === '', 'ledger_account')
  absent(wallet.createTime === undefined, 'create_time')
  absent(wallet.etag === '', 'etag')
  absent(wallet.freezeReason === '', 'freeze_reason')
}

async function writeOnce(deps: RpcDeps, call: Call, wallet: StoredWallet, key: RequestKey): Promise<StoredWallet> {
  const inserted = await insertWallet(deps.pool, wallet, key)
  if (inserted.kind === 'inserted') return wallet
  if (inserted.kind === 'tooMany') throw tooManyWallets(wallet.assetCode)
  if (!key.requestHash.equals(inserted.requestHash)) throw requestIdReused(key.requestId)
  call.sendHeader(replayHeader, 'true')
  return inserted.winner
}
