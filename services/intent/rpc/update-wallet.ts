import { type UpdateWalletRequest, type UpdateWalletResponse } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { maskedFields } from '../../runtime/field-mask.js'
import { errorDomain } from '../errors.js'
import { walletChanged } from '../wallets/wallet-errors.js'
import { changeWallet, type WalletChange } from '../wallets/wallet-store.js'
import { walletMessage } from './balances.js'
import { type RpcDeps } from './deps.js'
import { findWallet, storedWallet } from './find-wallet.js'
import { checkDisplayName, checkLabels, checkWalletName } from './wallet-fields.js'

const maskable = { changeable: ['display_name', 'labels'], named: ['name', 'etag'] }
const etagPattern = /^"([1-9]\d{0,8})"$/

interface Parsed {
  readonly walletId: string
  readonly change: WalletChange
  /** The revision that the etag names; undefined without one, 0 for one that this service never gave. */
  readonly revision: number | undefined
}

/**
 * Changes what the owner calls the wallet and notes about it, of a frozen or closed one too. Fails with INVALID_FIELD,
 * WALLET_NOT_FOUND, NOT_OWNER, WALLET_CHANGED, DEPENDENCY_UNAVAILABLE.
 */
export async function updateWallet(
  deps: RpcDeps,
  call: Call,
  request: UpdateWalletRequest,
): Promise<UpdateWalletResponse> {
  const { walletId, change, revision } = parse(request)
  await findWallet(deps, call, walletId)
  const changes = change.displayName !== undefined || change.labels !== undefined
  const stored = changes
    ? await changeWallet(deps.pool, walletId, change, revision)
    : await storedWallet(deps, walletId)
  const isCurrent = changes || revision === undefined || revision === stored?.revision
  if (stored === undefined || !isCurrent) throw walletChanged(`wallets/${walletId}`)
  return { wallet: await walletMessage(deps, call, stored) }
}

function parse({ wallet, updateMask }: UpdateWalletRequest): Parsed {
  const { name = '', displayName = '', labels = {}, etag = '' } = wallet ?? {}
  const check = new FieldCheck(errorDomain)
  const walletId = checkWalletName(check, name, 'wallet.name')
  checkDisplayName(check, displayName, 'wallet.display_name')
  checkLabels(check, labels, 'wallet.labels')
  // AIP-134: without a mask, what has a value; the edge makes none of its own.
  const given = [
    ...(displayName === '' ? [] : ['display_name']),
    ...(Object.keys(labels).length === 0 ? [] : ['labels']),
  ]
  const masked = isGiven(updateMask) ? maskedFields(check, updateMask, maskable) : new Set(given)
  check.done()
  return {
    walletId,
    change: {
      displayName: masked.has('display_name') ? displayName : undefined,
      labels: masked.has('labels') ? labels : undefined,
    },
    revision: etag === '' ? undefined : Number(etagPattern.exec(etag)?.[1] ?? 0),
  }
}

function isGiven(mask: string[] | undefined): boolean {
  return mask !== undefined && mask.length > 0
}
