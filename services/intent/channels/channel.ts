// A channel settles one family of operation types: it says what a payment moves, in the Ledger's terms.
import { type Leg } from '../saga/chain.js'
import { type ExternalParty } from '../intents/external-party.js'
import { type Intent } from '../intents/intent.js'

export interface Channel {
  /** The name by which routes in the rule set find it. */
  readonly name: string
  /** The kinds of payment that it can settle. */
  readonly operations: Readonly<Record<string, OperationTerms>>
  /** Who carries its payments out; undefined when the Ledger alone does, at once. */
  readonly provider: ProviderTerms | undefined
  /**
   * What to move so that this amount settles, before fees: the whole amount of the intent, or the part that was
   * confirmed. A pure function of the stored intent, so that a retry asks for the same transfers; the same accounts in the
   * same order for every amount, so that a part can be posted of what was held.
   */
  legs(intent: Intent, amountMinor: bigint): readonly Leg[]
}

/** What a channel says of the provider that carries its payments out. */
export interface ProviderTerms {
  /** By which it is configured and its callbacks are addressed: 1 to 32 of `a-z 0-9`. Part of an account's name. */
  readonly name: string
  /** For how long the money is held for its answer. */
  readonly holdSeconds: number
  /**
   * Whether payments are submitted through a queue, by whichever process takes them from it, so that CreateIntent answers
   * AUTHORIZED at once; otherwise within the request, which waits for the provider's first answer.
   */
  readonly isQueued: boolean
}

/** Which kind of payee a payment may have. */
export type PayeeKind = 'WALLET' | ExternalParty['kind']

/** What may be done with payments of one operation type. */
export interface OperationTerms {
  /** Whether callers may ask for them through CreateIntent; otherwise an RPC of their own makes them. */
  readonly requestable: boolean
  readonly payee: PayeeKind
  /** Who confirms and cancels when the money is held first; undefined when it cannot be. */
  readonly holdDecider: 'payer' | 'payee' | undefined
  /** Whether RefundIntent may give them back. */
  readonly refundable: boolean
}
