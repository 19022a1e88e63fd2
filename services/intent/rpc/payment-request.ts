// What CreateIntent and PreviewIntent have in common: an order for a payment from a wallet, to a wallet or to outside.
import {
  CaptureMode,
  type Intent as IntentMessage,
  IntentState,
  type Party as PartyMessage,
  RefundState,
} from '../../../gen/paymesh/intent/v1/intent.js'
import { type Call } from '../../runtime/call.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { type OperationTerms } from '../channels/channel.js'
import { type Channels } from '../channels/channels.js'
import { assetMismatch, walletNotFound } from '../errors.js'
import { type Order, type Party } from '../intents/intent.js'
import { type PaymentFacts } from '../decisions/rules-client.js'
import { type WalletDirectory } from '../wallets/wallet-directory.js'
import { type Wallet } from '../wallets/wallet.js'
import { authorizeWallet, callerLevel, callerTags } from './access.js'
import { checkAmount, checkMetadata, walletIdOf } from './fields.js'
import { checkExternal, checkQrAmount } from './payee-fields.js'

/** Throws NOT_OWNER when the payer is somebody else's wallet. What is malformed or unknown is told of later. */
export async function authorizePayer(
  call: Call,
  wallets: WalletDirectory,
  intent: IntentMessage | undefined,
): Promise<Wallet | undefined> {
  const party = intent?.payer?.party
  const id = party?.$case === 'wallet' ? walletIdOf(party.wallet) : undefined
  const payer = id === undefined ? undefined : await wallets.find(id)
  if (payer !== undefined) authorizeWallet(call, payer)
  return payer
}

/** An order that a wallet pays. */
export type WalletOrder = Order & {
  readonly payer: { readonly kind: 'wallet'; readonly walletId: string }
  readonly payee: Exclude<Party, { kind: 'account' }>
}

/** Checks everything that can be checked without asking anyone. The order holds once the check is done. */
export function checkOrder(check: FieldCheck, channels: Channels, intent: IntentMessage | undefined): WalletOrder {
  check.that(intent !== undefined, 'intent', 'is required')
  const operationType = intent?.operationType ?? ''
  const terms = requestableTerms(channels, operationType)
  const types = channels.requestableTypes.join(', ')
  check.that(terms !== undefined, 'intent.operation_type', `must be one of ${types}`)
  const payerId = checkWallet(check, intent?.payer, 'intent.payer')
  const payee = checkPayee(check, intent?.payee, terms)
  const isOther = payerId === '' || payee.kind !== 'wallet' || payerId !== payee.walletId
  check.that(isOther, 'intent.payee', 'must be another wallet than the payer')
  const amount = checkAmount(check, intent?.amount, 'intent.amount')
  if (payee.kind === 'external') checkQrAmount(check, payee.external, amount)
  const metadata = intent?.metadata ?? {}
  checkMetadata(check, metadata, 'intent.metadata')
  const holdSeconds = intent === undefined ? undefined : checkHold(check, intent, terms)
  if (intent !== undefined) checkOutputOnly(check, intent)
  return {
    operationType,
    payer: { kind: 'wallet', walletId: payerId },
    payee,
    ...amount,
    metadata,
    holdSeconds,
  }
}

/** Undefined for what no caller may ask for here. */
function requestableTerms(channels: Channels, operationType: string): OperationTerms | undefined {
  const terms = channels.termsOf(operationType)
  return terms?.requestable === true ? terms : undefined
}

const holdSecondsDefault = 7 * 86_400
// As long as card schemes let a merchant hold a customer's money.
const holdSecondsMax = 30 * 86_400

/** For how long the money is to be held; undefined when it is not. */
function checkHold(
  check: FieldCheck,
  { captureMode, holdDuration }: IntentMessage,
  terms: OperationTerms | undefined,
): number | undefined {
  switch (captureMode) {
    case CaptureMode.UNSPECIFIED:
    case CaptureMode.IMMEDIATE:
      check.that(holdDuration === undefined, 'intent.hold_duration', 'must be absent: nothing is held')
      return undefined
    case CaptureMode.MANUAL: {
      const canHold = terms === undefined || terms.holdDecider !== undefined
      check.that(canHold, 'intent.capture_mode', 'must not be MANUAL: payments of this type cannot be held')
      if (holdDuration === undefined) return holdSecondsDefault
      const { seconds, nanos } = holdDuration
      const fits = seconds >= 1n && seconds <= BigInt(holdSecondsMax) && nanos === 0
      check.that(fits, 'intent.hold_duration', `must be 1 to ${holdSecondsMax} whole seconds`)
      return fits ? Number(seconds) : undefined
    }
    case CaptureMode.UNRECOGNIZED:
    default:
      check.that(false, 'intent.capture_mode', 'must be a known mode')
      return undefined
  }
}

/** The kind of payee follows from the type; of an unknown type, which is noted elsewhere, it is a wallet. */
function checkPayee(
  check: FieldCheck,
  message: PartyMessage | undefined,
  terms: OperationTerms | undefined,
): WalletOrder['payee'] {
  const kind = terms?.payee
  if (kind === undefined || kind === 'WALLET') {
    return { kind: 'wallet', walletId: checkWallet(check, message, 'intent.payee') }
  }
  const external = checkExternal(check, message, kind)
  return external === undefined ? { kind: 'wallet', walletId: '' } : { kind: 'external', external }
}

function checkWallet(check: FieldCheck, message: PartyMessage | undefined, field: string): string {
  const party = message?.party
  switch (party?.$case) {
    case undefined:
      check.that(false, field, 'is required')
      return ''
    case 'account':
      check.that(false, `${field}.account`, 'must be absent: only wallets pay and are paid')
      return ''
    case 'external':
      check.that(false, `${field}.external`, 'must be absent: a wallet is needed here')
      return ''
    case 'wallet': {
      const id = walletIdOf(party.wallet)
      check.that(id !== undefined, `${field}.wallet`, 'must be wallets/{uuid}')
      return id ?? ''
    }
  }
}

/** The service's own fields: given by a caller they would be lost in silence. */
function checkOutputOnly(check: FieldCheck, intent: IntentMessage): void {
  const absent = (isAbsent: boolean, field: string) => check.that(isAbsent, `intent.${field}`, 'must be absent')
  absent(intent.name === '', 'name')
  absent(intent.state === IntentState.UNSPECIFIED, 'state')
  absent(intent.stateChanges.length === 0, 'state_changes')
  absent(intent.decision === undefined, 'decision')
  absent(intent.payerTotal === undefined, 'payer_total')
  absent(intent.payeeTotal === undefined, 'payee_total')
  absent(intent.failure === undefined, 'failure')
  absent(intent.creator === '', 'creator')
  absent(intent.createTime === undefined, 'create_time')
  absent(intent.updateTime === undefined, 'update_time')
  absent(intent.etag === '', 'etag')
  absent(intent.holdExpireTime === undefined, 'hold_expire_time')
  absent(intent.settledAmount === undefined, 'settled_amount')
  absent(intent.refundedAmount === undefined, 'refunded_amount')
  absent(intent.refundState === RefundState.UNSPECIFIED, 'refund_state')
  absent(intent.parent === '', 'parent')
  absent(intent.providerReference === '', 'provider_reference')
}

/** The facts of an order. Throws WALLET_NOT_FOUND, ASSET_MISMATCH. */
export async function orderFacts(
  call: Call,
  wallets: WalletDirectory,
  order: WalletOrder,
  payer: Wallet | undefined,
  timeMs: number,
): Promise<PaymentFacts> {
  if (payer === undefined) throw walletNotFound(`wallets/${order.payer.walletId}`)
  const payee = order.payee.kind === 'wallet' ? await findWallet(wallets, order.payee.walletId) : undefined
  for (const wallet of payee === undefined ? [payer] : [payer, payee]) {
    if (wallet.assetCode !== order.assetCode) throw assetMismatch(`wallets/${wallet.id}`, order.assetCode)
  }
  return {
    order,
    payerOwner: payer.owner,
    payeeOwner: payee?.owner ?? '',
    payerTags: callerTags(call),
    level: callerLevel(call),
    timeMs,
  }
}

async function findWallet(wallets: WalletDirectory, id: string): Promise<Wallet> {
  const wallet = await wallets.find(id)
  if (wallet === undefined) throw walletNotFound(`wallets/${id}`)
  return wallet
}
