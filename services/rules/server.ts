import { DecisionServiceService } from '../../gen/paymesh/rules/v1/decision_service.js'
import { bind, type Binding } from '../runtime/server.js'
import { type DecideDeps, decidePayment } from './rpc/decide.js'

/** The services of this process, for health checks. */
export const serviceNames = ['paymesh.rules.v1.DecisionService'] as const

/** What Rules serves: one line an RPC. */
export function rulesBindings(deps: DecideDeps): Binding[] {
  return [
    bind(DecisionServiceService, {
      decide: (call, request) => decidePayment(deps, call, request),
    }),
  ]
}
