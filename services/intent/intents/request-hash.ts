// How the same request is recognised: SHA-256 over a canonical form of the RPC and everything asked but the request id.
import { createHash } from 'node:crypto'
import { type ExternalParty } from './external-party.js'
import { type Order, type Party } from './intent.js'
import { type WebhookEndpoint } from '../webhooks/webhook.js'

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
    // Appended, so that a payment at once has the form that it had before there were others.
    ...(order.holdSeconds === undefined ? [] : [order.holdSeconds]),
  ])
}

/** The hash of a request to create a wallet. Labels count only where there are some: they came later than the form. */
export function walletHash(
  rpc: string,
  assetCode: string,
  displayName: string,
  labels: Readonly<Record<string, string>>,
): Buffer {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return hashOf(pairs.length === 0 ? [rpc, assetCode, displayName] : [rpc, assetCode, displayName, pairs])
}

/** The hash of a request about a stored intent; what was left open, such as an amount, is undefined. */
export function intentRequestHash(rpc: string, intentId: string, amount: Amount | undefined, note: string): Buffer {
  return hashOf([rpc, intentId, amount === undefined ? null : [amount.assetCode, amount.amountMinor.toString()], note])
}

/** An amount as a request has it. */
export interface Amount {
  readonly assetCode: string
  readonly amountMinor: bigint
}

/** The hash of a request to create a webhook endpoint. */
export function webhookHash(
  rpc: string,
  { url, displayName, eventTypes, disabled }: Pick<WebhookEndpoint, 'url' | 'displayName' | 'eventTypes' | 'disabled'>,
): Buffer {
  return hashOf([rpc, url, displayName, [...eventTypes].sort(), disabled])
}

function partyForm(party: Party): string {
  switch (party.kind) {
    case 'wallet':
      return `wallet ${party.walletId}`
    case 'account':
      return `account ${party.account}`
    case 'external':
      return externalForm(party.external)
  }
}

function externalForm(party: ExternalParty): string {
  switch (party.kind) {
    case 'BANK_ACCOUNT':
      return `bank ${party.bankCode} ${party.accountNumber}`
    case 'MERCHANT':
      return `qr ${party.qrPayload}`
    case 'ACCOUNT':
      return `external ${party.accountNumber}`
  }
}

// An array in a fixed order has one JSON text, so JSON is canonical here.
function hashOf(form: readonly unknown[]): Buffer {
  return createHash('sha256').update(JSON.stringify(form)).digest()
}
