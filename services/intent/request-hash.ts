// How the same request is recognised: SHA-256 over a canonical form of the RPC and everything asked but the request id.
import { createHash } from 'node:crypto'
import { type Order, type Party } from './intent.js'

/** The hash of a payment request. The form is part of what is stored for ever: never change it for an RPC. */
export function orderHash(rpc: string, order: Order): Buffer {
  return hashOf([
    rpc,
    order.operationType,
    partyForm(order.payer),
    partyForm(order.payee),
    order.assetCode,
    order.amountMinor.toString(),
    Object.entries(order.metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
  ])
}

/** The hash of a request to create a wallet. */
export function walletHash(rpc: string, assetCode: string, displayName: string): Buffer {
  return hashOf([rpc, assetCode, displayName])
}

function partyForm(party: Party): string {
  return party.kind === 'wallet' ? `wallet ${party.walletId}` : `account ${party.account}`
}

// An array in a fixed order has one JSON text, so JSON is canonical here.
function hashOf(form: readonly unknown[]): Buffer {
  return createHash('sha256').update(JSON.stringify(form)).digest()
}
