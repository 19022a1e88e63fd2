// Who may see and use what. The runtime has checked peer and permission; this is about whose it is.
import { type Call, callerName } from '../../runtime/call.js'
import { notOwner } from '../errors.js'
import { type Intent, type Party } from '../intent.js'
import { type WalletDirectory } from '../wallet-directory.js'
import { type Wallet } from '../wallet.js'

/** Whose resources the caller may see: a subject's own, undefined for everybody's (operators with a certificate). */
export function ownerScope(call: Call): string | undefined {
  return call.caller.kind === 'peer' ? undefined : callerName(call.caller)
}

/** What the token says of the caller, for Rules. */
export function callerTags(call: Call): readonly string[] {
  return call.caller.kind === 'subject' ? call.caller.subject.tags : []
}

/** Throws NOT_OWNER unless the caller may see or use the wallet. */
export function authorizeWallet(call: Call, wallet: Wallet): void {
  const owner = ownerScope(call)
  if (owner !== undefined && owner !== wallet.owner) throw notOwner(`wallets/${wallet.id}`)
}

/**
 * How much of an intent a caller sees. Who only is paid sees payments that arrived, and of them nothing that tells of
 * the payer's means: not what failed for want of money, not what the payer paid on top.
 */
export type IntentView = 'whole' | 'payee'

/** Throws NOT_OWNER unless the caller created the intent, owns its payer, or was paid by it. */
export async function authorizeIntent(call: Call, wallets: WalletDirectory, intent: Intent): Promise<IntentView> {
  const owner = ownerScope(call)
  if (owner === undefined || owner === intent.creator) return 'whole'
  if ((await ownerOf(wallets, intent.payer)) === owner) return 'whole'
  if (intent.status.state === 'SETTLED' && (await ownerOf(wallets, intent.payee)) === owner) return 'payee'
  throw notOwner(`intents/${intent.id}`)
}

async function ownerOf(wallets: WalletDirectory, party: Party): Promise<string | undefined> {
  return party.kind === 'wallet' ? (await wallets.find(party.walletId))?.owner : undefined
}
