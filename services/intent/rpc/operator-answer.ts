// An intent after an operator did something with it, as the answer of an RPC.
import { type Intent as IntentMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Advanced } from '../saga/advance.js'
import { dependencyUnavailable } from '../errors.js'
import { intentToMessage } from './intent-message.js'

/** Answers the intent. Throws DEPENDENCY_UNAVAILABLE when what the Ledger did is not known. */
export function operatorAnswer(advanced: Advanced): { intent: IntentMessage } {
  if (advanced.kind === 'waiting') throw dependencyUnavailable('ledger', advanced.cause)
  return { intent: intentToMessage(advanced.intent, 'operator') }
}
