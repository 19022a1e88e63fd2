// What a channel needs of the provider that carries its payments out.
import { type Intent } from '../intents/intent.js'

/** What a provider says of a payment for good. */
export interface FinalReport {
  /** The intent's id, as the provider says it. */
  readonly transferId: string
  readonly status: 'SETTLED' | 'REFUSED'
  /** The provider's own name for the payment. */
  readonly reference: string
  /** Why it was refused; empty when it was not, or no reason was given. */
  readonly reason: string
  /** What the payee gets, in minor units. */
  readonly amountMinor: bigint
  readonly currency: string
}

export type ChannelOutcome =
  /**
   * The provider has it and will say what became of it. Its reference may be empty; not as asked: it names another amount or
   * currency.
   */
  | { readonly kind: 'accepted'; readonly reference: string; readonly isAsAsked: boolean }
  | { readonly kind: 'final'; readonly report: FinalReport }
  /** It may or may not have it: no answer, or one that means nothing. */
  | { readonly kind: 'unknown'; readonly cause: string }

export type PollOutcome =
  | ChannelOutcome
  /** It does not know it now; what was submitted may still be on its way. */
  | { readonly kind: 'notFound' }

/** An answer that the provider sends by itself. */
export type Callback =
  | { readonly kind: 'report'; readonly eventId: string; readonly report: FinalReport }
  /** Not signed by the provider, or too long ago. */
  | { readonly kind: 'unsigned' }
  /** Signed, and not what was agreed. */
  | { readonly kind: 'malformed' }

/** The headers of a callback; empty where it has none. */
export interface CallbackHeaders {
  readonly id: string
  readonly timestamp: string
  readonly signature: string
}

export interface Provider {
  readonly name: string
  /** Whether as many submissions are under way as it may have; the next has to wait. */
  isBusy(): boolean
  /** Asks for the payment. Again with the same intent it asks for the same payment. Never rejects for what it does. */
  submit(intent: Intent): Promise<ChannelOutcome>
  /** Asks what became of it. Never rejects for what the provider does. */
  poll(intent: Intent): Promise<PollOutcome>
  /** Reads a callback from its very bytes. */
  readCallback(headers: CallbackHeaders, body: Buffer, nowMs: number): Callback
}
