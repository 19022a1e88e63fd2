// Who may see and use what. The runtime has checked peer and permission; this is about whose it is.
import { type AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import { type Call, callerName } from '../../runtime/call.js'
import { notOwner, selfReview } from '../errors.js'
import { type Intent, type Party, reachedMs } from '../intents/intent.js'
import { type WalletDirectory } from '../wallets/wallet-directory.js'
import { type Wallet } from '../wallets/wallet.js'
import { type RpcDeps } from './deps.js'

type AccessDeps = Pick<RpcDeps, 'wallets' | 'channels'>

/** Whose resources the caller may see: a subject's own, undefined for everybody's (operators with a certificate). */
export function ownerScope(call: Call): string | undefined {
  return call.caller.kind === 'peer' ? undefined : callerName(call.caller)
}

/** What the token says of the caller, for Rules. */
export function callerTags(call: Call): readonly string[] {
  return call.caller.kind === 'subject' ? call.caller.subject.tags : []
}

/**
 * What the caller's session has proven; undefined for other services, which ask in nobody's session. A client that signs
 * its requests has proven no level, and rules that demand one are for people.
 */
export function callerLevel(call: Call): AuthLevel | undefined {
  return call.caller.kind === 'subject' ? call.caller.subject.level : undefined
}

/** Throws NOT_OWNER unless the caller may see or use the wallet. */
export function authorizeWallet(call: Call, wallet: Wallet): void {
  const owner = ownerScope(call)
  if (owner !== undefined && owner !== wallet.owner) throw notOwner(`wallets/${wallet.id}`)
}

/**
 * How much of an intent a caller sees: operators also why it is reviewed, which the payer must not learn. Who only is paid
 * sees payments that arrived, or that are held for them to take, and of them nothing that tells of the payer's means: not
 * what failed for want of money, not what the payer paid on top.
 */
export type IntentView = 'operator' | 'whole' | 'payee'

/** Throws NOT_OWNER unless the caller created the intent, owns its payer, or was paid by it. */
export async function authorizeIntent(deps: AccessDeps, call: Call, intent: Intent): Promise<IntentView> {
  const owner = ownerScope(call)
  if (owner === undefined) return 'operator'
  if (owner === intent.creator) return 'whole'
  if ((await ownerOf(deps.wallets, intent.payer)) === owner) return 'whole'
  if (concernsPayee(deps, intent) && (await ownerOf(deps.wallets, intent.payee)) === owner) return 'payee'
  throw notOwner(`intents/${intent.id}`)
}

function concernsPayee({ channels }: AccessDeps, intent: Intent): boolean {
  if (intent.status.state === 'SETTLED') return true
  return (
    reachedMs(intent, 'AUTHORIZED') !== undefined && channels.termsOf(intent.operationType)?.holdDecider === 'payee'
  )
}

/** Throws NOT_OWNER unless the caller is the side that decides about the intent's hold. */
export async function authorizeHold(deps: AccessDeps, call: Call, intent: Intent): Promise<IntentView> {
  const owner = ownerScope(call)
  const decider = deps.channels.termsOf(intent.operationType)?.holdDecider === 'payee' ? intent.payee : intent.payer
  if (owner === undefined || (await ownerOf(deps.wallets, decider)) !== owner) throw notOwner(`intents/${intent.id}`)
  return decider === intent.payee ? 'payee' : 'whole'
}

/** Throws NOT_OWNER unless the caller was paid by the intent, or is support. */
export async function authorizeRefund(call: Call, wallets: WalletDirectory, intent: Intent): Promise<void> {
  const { caller } = call
  if (caller.kind === 'subject' && caller.subject.roles.includes('support')) return
  const owner = ownerScope(call)
  if (owner === undefined || (await ownerOf(wallets, intent.payee)) !== owner) throw notOwner(`intents/${intent.id}`)
}

/** Throws SELF_REVIEW when the caller has a part in the payment. Whoever holds a certificate instead is an operator. */
export async function authorizeReview(call: Call, wallets: WalletDirectory, intent: Intent): Promise<void> {
  const caller = callerName(call.caller)
  const parties = await Promise.all([intent.payer, intent.payee].map((party) => ownerOf(wallets, party)))
  if (caller === intent.creator || parties.includes(caller)) throw selfReview()
}

async function ownerOf(wallets: WalletDirectory, party: Party): Promise<string | undefined> {
  return party.kind === 'wallet' ? (await wallets.find(party.walletId))?.owner : undefined
}
