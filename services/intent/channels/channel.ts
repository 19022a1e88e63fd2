// A channel settles one family of operation types: it says what a payment moves, in the Ledger's terms.
import { type ChainPlan } from '../chain.js'
import { type Intent } from '../intent.js'

export interface Channel {
  /** The name by which routes in the rule set find it. */
  readonly name: string
  /** The kinds of payment that it can settle. */
  readonly operationTypes: readonly string[]
  /** Whether callers may ask for these kinds through CreateIntent; otherwise an RPC of their own makes them. */
  readonly requestable: boolean
  /** What to move. A pure function of the stored intent, so that a retry asks for the same transfers. */
  legs(intent: Intent): ChainPlan
}
