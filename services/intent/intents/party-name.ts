// How the two sides of a payment are named to others: Rules, events, statements.
import { externalName } from './external-party.js'
import { type Party } from './intent.js'

/** One name for one party, within 256 characters. */
export function partyName(party: Party): string {
  switch (party.kind) {
    case 'wallet':
      return `wallets/${party.walletId}`
    case 'account':
      return party.account
    case 'external':
      return externalName(party.external)
  }
}
