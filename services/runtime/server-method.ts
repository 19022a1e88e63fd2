import type { Access } from '../../gen/paymesh/access/v1/access.js'
import type { CallAudit } from './call-audit.js'
import type { Logger } from './logger.js'
import type { MethodMetrics } from './metrics.js'
import type { OpenCalls } from './open-calls.js'

/** A method that a server serves: what every call of it shares. */
export interface ServerMethod {
  /** '/paymesh.ledger.v1.AccountService/GetAccount' */
  readonly path: string
  /** 'AccountService/GetAccount', for people. */
  readonly name: string
  readonly access: Access
  readonly log: Logger
  /** Writes at level info whatever LOG_LEVEL says: an audit has no gaps. */
  readonly auditLog: Logger
  /** Where calls are kept as evidence; undefined when the method is not audited, or the service keeps none but the log. */
  readonly audit: CallAudit | undefined
  readonly requestBytes: (request: unknown) => Uint8Array
  readonly metrics: MethodMetrics
  /** The calls under way on the method's server. */
  readonly calls: OpenCalls
  /** The longest a call may take, when the method answers one message; undefined for streams. */
  readonly durationMsMax: number | undefined
}
