import { status } from '@grpc/grpc-js'
import type { ErrorReason } from '../../gen/paymesh/rules/v1/error_reason.js'
import { RpcError } from '../runtime/rpc-error.js'

/** The domain of every reason below. */
export const errorDomain = 'rules.paymesh'

/** Every reason that a handler may give. INVALID_FIELD comes from FieldCheck, with the fields. */
type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED' | 'UNRECOGNIZED' | 'INVALID_FIELD'>

interface Answer {
  readonly code: status
  readonly message: string
  readonly retryAfterMs?: number
}

const answers: Record<Reason, Answer> = {
  NOTHING_PUBLISHED: { code: status.FAILED_PRECONDITION, message: 'No rule set is published yet.' },
  RULE_SET_NOT_FOUND: { code: status.NOT_FOUND, message: 'There is no such rule set.' },
  RULE_FAILED: { code: status.FAILED_PRECONDITION, message: 'A rule failed on this payment.' },
  REQUEST_ID_REUSED: { code: status.ALREADY_EXISTS, message: 'The request id was used for other content.' },
  ETAG_MISMATCH: { code: status.ABORTED, message: 'The draft changed since it was read.' },
  RULE_SET_PUBLISHED: { code: status.FAILED_PRECONDITION, message: 'The rule set is published and never changes.' },
  SECOND_PERSON_NEEDED: {
    code: status.FAILED_PRECONDITION,
    message: 'Another person than those who wrote the draft has to publish it.',
  },
  BASE_VERSION_OUTDATED: { code: status.ABORTED, message: 'Another version than the expected one is in force.' },
  RULE_SET_INVALID: { code: status.FAILED_PRECONDITION, message: 'The document cannot be published.' },
  NOTHING_TO_PUBLISH: { code: status.FAILED_PRECONDITION, message: 'The version in force says the same already.' },
  OVERLOADED: {
    code: status.RESOURCE_EXHAUSTED,
    message: 'Too many documents and expressions are being tried. Try again.',
    retryAfterMs: 1000,
  },
}

/** The error that a handler throws for a reason. Metadata is as error_reason.proto documents it. */
export function rulesError(reason: Reason, metadata: Readonly<Record<string, string>> = {}, cause?: unknown): RpcError {
  return new RpcError({ ...answers[reason], reason, domain: errorDomain, metadata, cause })
}
