import { type AutoTopUp as AutoTopUpMessage } from '../../../gen/paymesh/intent/v1/auto_top_up.js'
import {
  type UpdateAutoTopUpRequest,
  type UpdateAutoTopUpResponse,
} from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Money } from '../../../gen/paymesh/money/v1/money.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { maskedFields } from '../../runtime/field-mask.js'
import { type AutoTopUpRule, topUpsADayMax } from '../wallets/auto-top-up.js'
import { changeAutoTopUp } from '../wallets/auto-top-up-store.js'
import { assetMismatch, errorDomain } from '../errors.js'
import { type Wallet } from '../wallets/wallet.js'
import { walletClosed } from '../wallets/wallet-errors.js'
import { autoTopUpMessage, checkAutoTopUpName } from './auto-top-up-message.js'
import { type RpcDeps } from './deps.js'
import { checkAmount } from './fields.js'
import { findWallet } from './find-wallet.js'
import { checkWalletName } from './wallet-fields.js'

const amountFields = ['threshold', 'amount', 'daily_cap'] as const
const maskable = {
  changeable: ['enabled', 'source', ...amountFields],
  named: ['name', 'used_today', 'next_attempt_time', 'last_failure', 'last_intent'],
}

interface Parsed {
  readonly walletId: string
  readonly change: Partial<AutoTopUpRule>
  /** Of the amounts that change. */
  readonly assetCodes: readonly string[]
}

/**
 * Changes the rule by which a wallet of the caller is filled. Fails with INVALID_FIELD, WALLET_NOT_FOUND and NOT_OWNER (of
 * the wallet or of the source), ASSET_MISMATCH, WALLET_CLOSED (when it is enabled, of either).
 */
export async function updateAutoTopUp(
  deps: RpcDeps,
  call: Call,
  request: UpdateAutoTopUpRequest,
): Promise<UpdateAutoTopUpResponse> {
  const { walletId, change, assetCodes } = parse(request)
  const wallet = await findWallet(deps, call, walletId)
  const source = change.sourceWalletId
  const wallets = source === undefined ? [] : [await findWallet(deps, call, source)]
  checkAssets(wallet, wallets, assetCodes)
  const changed = await changeAutoTopUp(deps.pool, walletId, (stored) => merged(stored, change))
  if (changed.kind === 'closed') throw walletClosed(`wallets/${changed.walletId}`)
  return { autoTopUp: autoTopUpMessage(wallet, changed.rule) }
}

function parse({ autoTopUp, updateMask }: UpdateAutoTopUpRequest): Parsed {
  const check = new FieldCheck(errorDomain)
  const walletId = checkAutoTopUpName(check, autoTopUp?.name ?? '', 'auto_top_up.name')
  const hasMask = updateMask !== undefined && updateMask.length > 0
  const masked = hasMask ? maskedFields(check, updateMask, maskable) : given(autoTopUp)
  const amounts = amountFields.filter((field) => masked.has(field))
  const checked = amounts.map((field) => checkAmount(check, amountOf(autoTopUp, field), `auto_top_up.${field}`))
  const minorOf = (field: (typeof amountFields)[number]) => checked[amounts.indexOf(field)]?.amountMinor
  const source = masked.has('source')
    ? checkWalletName(check, autoTopUp?.source ?? '', 'auto_top_up.source')
    : undefined
  check.that(source === undefined || source !== walletId, 'auto_top_up.source', 'must be another wallet')
  check.done()
  const change = {
    enabled: masked.has('enabled') ? autoTopUp?.enabled : undefined,
    thresholdMinor: minorOf('threshold'),
    amountMinor: minorOf('amount'),
    dailyCapMinor: minorOf('daily_cap'),
    sourceWalletId: source,
  }
  const defined = Object.entries(change).filter(([, value]) => value !== undefined)
  return { walletId, change: Object.fromEntries(defined), assetCodes: checked.map(({ assetCode }) => assetCode) }
}

/** AIP-134: without a mask, what has a value. */
function given(message: AutoTopUpMessage | undefined): ReadonlySet<string> {
  const amounts = amountFields.filter((field) => amountOf(message, field) !== undefined)
  const source = message === undefined || message.source === '' ? [] : ['source']
  return new Set([...amounts, ...source, ...(message?.enabled === true ? ['enabled'] : [])])
}

function amountOf(message: AutoTopUpMessage | undefined, field: (typeof amountFields)[number]): Money | undefined {
  return message?.[field === 'daily_cap' ? 'dailyCap' : field]
}

function checkAssets(wallet: Wallet, sources: readonly Wallet[], assetCodes: readonly string[]): void {
  const other = sources.find(({ assetCode }) => assetCode !== wallet.assetCode)
  if (other !== undefined) throw assetMismatch(`wallets/${other.id}`, wallet.assetCode)
  const wrong = assetCodes.find((assetCode) => assetCode !== wallet.assetCode)
  if (wrong !== undefined) throw assetMismatch(`wallets/${wallet.id}`, wrong)
}

/** The rule with what changed. Throws INVALID_FIELD when it cannot be so as a whole. */
function merged(stored: AutoTopUpRule, change: Partial<AutoTopUpRule>): AutoTopUpRule {
  const rule = { ...stored, ...change }
  const { enabled, thresholdMinor, amountMinor, sourceWalletId, dailyCapMinor } = rule
  const check = new FieldCheck(errorDomain)
  const isComplete = [thresholdMinor, amountMinor, sourceWalletId, dailyCapMinor].every((part) => part !== undefined)
  check.that(!enabled || isComplete, 'auto_top_up.enabled', 'needs threshold, amount, source and daily_cap')
  const fits = dailyCapMinor === undefined || amountMinor === undefined || dailyCapMinor >= amountMinor
  check.that(fits, 'auto_top_up.daily_cap', 'must be at least amount')
  const isFew = dailyCapMinor === undefined || amountMinor === undefined || dailyCapMinor <= amountMinor * topUpsADayMax
  check.that(isFew, 'auto_top_up.daily_cap', `must be at most ${topUpsADayMax} times amount`)
  check.done()
  return rule
}
