import { IntentState as StateMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { type IntentState } from '../intents/intent.js'

const states: ReadonlyMap<StateMessage, IntentState> = new Map([
  [StateMessage.CREATED, 'CREATED'],
  [StateMessage.VALIDATED, 'VALIDATED'],
  [StateMessage.IN_REVIEW, 'IN_REVIEW'],
  [StateMessage.AUTHORIZED, 'AUTHORIZED'],
  [StateMessage.SETTLED, 'SETTLED'],
  [StateMessage.REJECTED, 'REJECTED'],
  [StateMessage.FAILED, 'FAILED'],
  [StateMessage.CANCELLED, 'CANCELLED'],
  [StateMessage.EXPIRED, 'EXPIRED'],
])

/** The state that a message names; undefined for none and for one that is not known. */
export function stateOf(state: StateMessage): IntentState | undefined {
  return states.get(state)
}
