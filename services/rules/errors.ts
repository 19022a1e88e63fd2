import { status } from '@grpc/grpc-js'
import type { ErrorReason } from '../../gen/paymesh/rules/v1/error_reason.js'
import { RpcError } from '../runtime/rpc-error.js'

/** The domain of every reason below. */
export const errorDomain = 'rules.paymesh'

/** Every reason that a handler may give. INVALID_FIELD comes from FieldCheck, with the fields. */
type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED' | 'UNRECOGNIZED' | 'INVALID_FIELD'>

const answers: Record<Reason, { readonly code: status; readonly message: string }> = {
  NOTHING_PUBLISHED: { code: status.FAILED_PRECONDITION, message: 'No rule set is published yet.' },
  RULE_SET_NOT_FOUND: { code: status.NOT_FOUND, message: 'This version of the rule set was never published.' },
  RULE_FAILED: { code: status.FAILED_PRECONDITION, message: 'A rule failed on this payment.' },
}

/** The error that a handler throws for a reason. Metadata is as error_reason.proto documents it. */
export function rulesError(reason: Reason, metadata: Readonly<Record<string, string>> = {}, cause?: unknown): RpcError {
  return new RpcError({ ...answers[reason], reason, domain: errorDomain, metadata, cause })
}
