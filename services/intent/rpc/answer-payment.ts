// A payment's outcome as the answer of an RPC.
import { type Intent as IntentMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Call } from '../../runtime/call.js'
import { amountTooLarge, dependencyUnavailable, overloaded, requestIdReused, stepUpRequired } from '../errors.js'
import { type Payment } from '../saga/payments.js'
import { intentToMessage } from './intent-message.js'

/** The header that says that the answer is an earlier request's. */
export const replayHeader = 'idempotent-replay'

/** Answers the intent, or throws. `amountField` is where the request has its amount. */
export function answerPayment(call: Call, payment: Payment, requestId: string, amountField: string): IntentMessage {
  switch (payment.kind) {
    case 'rests':
      if (payment.replay) call.sendHeader(replayHeader, 'true')
      return intentToMessage(payment.intent, 'whole')
    case 'waiting':
      throw dependencyUnavailable('ledger', payment.cause)
    case 'undecided':
      throw dependencyUnavailable(payment.peer, payment.cause)
    case 'reused':
      throw requestIdReused(requestId)
    case 'noRoom':
      throw new Error('only refunds take room')
    case 'stepUpNeeded':
      throw stepUpRequired(payment.level)
    case 'overloaded':
      throw overloaded()
    case 'amountTooLarge':
      throw amountTooLarge(amountField)
  }
}
