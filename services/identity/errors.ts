import { status } from '@grpc/grpc-js'
import type { ErrorReason } from '../../gen/paymesh/identity/v1/error_reason.js'
import { RpcError } from '../runtime/rpc-error.js'
import { busyRetryAfterMs } from './passwords/password-hasher.js'
import type { Checked } from './passwords/password-check.js'
import type { Admission } from './throttles/throttle-store.js'

/** The domain of every reason below. */
export const errorDomain = 'identity.paymesh'

/** Every reason that a handler may give. INVALID_FIELD comes from FieldCheck, with the fields. */
type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED' | 'UNRECOGNIZED' | 'INVALID_FIELD'>

interface Answer {
  code: status
  message: string
  retryAfterMs?: number
}

const answers: Record<Reason, Answer> = {
  EMAIL_TAKEN: {
    code: status.ALREADY_EXISTS,
    message: 'Another user has verified this e-mail address. Log in as that user.',
  },
  // One text for an unknown address and a wrong password.
  WRONG_CREDENTIALS: { code: status.UNAUTHENTICATED, message: 'The e-mail address or the password is wrong.' },
  REFRESH_TOKEN_INVALID: { code: status.UNAUTHENTICATED, message: 'The refresh token is not valid. Log in again.' },
  REFRESH_TOKEN_REUSED: {
    code: status.UNAUTHENTICATED,
    message: 'The refresh token was used before, so its session is revoked. Log in again.',
  },
  USER_NOT_FOUND: { code: status.NOT_FOUND, message: 'The user does not exist.' },
  NOT_OWNER: { code: status.PERMISSION_DENIED, message: 'The user is somebody else.' },
  GRANT_NOT_FOUND: { code: status.NOT_FOUND, message: 'The user does not hold the role.' },
  CODE_INVALID: { code: status.UNAUTHENTICATED, message: 'The code is wrong or no longer good. Ask for another.' },
  TOO_MANY_TRIES: { code: status.RESOURCE_EXHAUSTED, message: 'It was tried too often. Wait, then try again.' },
  SESSION_NOT_FOUND: { code: status.NOT_FOUND, message: 'You have no such session.' },
  CONTACT_UNVERIFIED: { code: status.FAILED_PRECONDITION, message: 'Verify your contact first.' },
  DEVICE_NOT_FOUND: { code: status.NOT_FOUND, message: 'You have no such device.' },
  CHALLENGE_INVALID: { code: status.FAILED_PRECONDITION, message: 'The challenge is not good. Begin another.' },
  DEVICE_KEY_TAKEN: { code: status.ALREADY_EXISTS, message: 'The key is bound to another user.' },
  TOO_MANY_DEVICES: { code: status.FAILED_PRECONDITION, message: 'You have five devices. Unbind one first.' },
  WRONG_PIN: { code: status.UNAUTHENTICATED, message: 'The PIN is wrong, or none is set.' },
  CONTACT_VERIFIED: { code: status.FAILED_PRECONDITION, message: 'The contact is verified already.' },
  CLIENT_NOT_FOUND: { code: status.NOT_FOUND, message: 'The client does not exist.' },
  CLIENT_CHANGED: { code: status.ABORTED, message: 'The client was changed meanwhile. Read it again.' },
  KEY_NOT_FOUND: { code: status.NOT_FOUND, message: 'The client has no such key.' },
  TOO_MANY_KEYS: { code: status.FAILED_PRECONDITION, message: 'The client has too many keys. Remove one first.' },
  REQUEST_ID_REUSED: {
    code: status.ALREADY_EXISTS,
    message: 'The request id was used before for another request.',
  },
  SIGNATURE_MALFORMED: { code: status.INVALID_ARGUMENT, message: 'The signature cannot be read' },
  SIGNATURE_NOT_CURRENT: { code: status.UNAUTHENTICATED, message: 'The signature is not of now' },
  // One text whatever is wrong: who tries keys must not learn which of them there are.
  SIGNATURE_INVALID: { code: status.UNAUTHENTICATED, message: 'The signature is not good.' },
  ACTING_NOT_ALLOWED: { code: status.PERMISSION_DENIED, message: 'The client may not act for this user.' },
  KYC_OPEN: { code: status.FAILED_PRECONDITION, message: 'A case is open already. Wait for its decision.' },
  KYC_VERIFIED: { code: status.FAILED_PRECONDITION, message: 'The level is verified already.' },
  KYC_NOT_FOUND: { code: status.NOT_FOUND, message: 'The user has no such case.' },
  KYC_NOT_IN_REVIEW: { code: status.FAILED_PRECONDITION, message: 'The case is not in review.' },
  OWN_KYC: { code: status.PERMISSION_DENIED, message: 'Nobody decides their own case.' },
  OVERLOADED: {
    code: status.RESOURCE_EXHAUSTED,
    message: 'Too many passwords are being checked. Try again.',
    retryAfterMs: busyRetryAfterMs,
  },
}

/** Throws TOO_MANY_TRIES unless the try may happen. */
export function requireAdmitted(admission: Admission): void {
  if (admission.kind === 'refused') throw tooManyTries(admission.retryAfterMs)
}

function tooManyTries(retryAfterMs: number): RpcError {
  return new RpcError({ ...answers.TOO_MANY_TRIES, reason: 'TOO_MANY_TRIES', domain: errorDomain, retryAfterMs })
}

/** The checked password. Throws TOO_MANY_TRIES, OVERLOADED, WRONG_CREDENTIALS. */
export function requireRight(checked: Checked): Extract<Checked, { kind: 'right' }> {
  switch (checked.kind) {
    case 'right':
      return checked
    case 'refused':
      throw tooManyTries(checked.retryAfterMs)
    case 'busy':
      throw identityError('OVERLOADED')
    case 'wrong':
      throw identityError('WRONG_CREDENTIALS')
  }
}

/** The error that a handler throws for a reason. Metadata is as error_reason.proto documents it. */
export function identityError(reason: Reason, metadata: Readonly<Record<string, string>> = {}): RpcError {
  return new RpcError({ ...answers[reason], reason, domain: errorDomain, metadata })
}

/** The error of a signature whose fault its sender may be told. */
export function signatureError(reason: 'SIGNATURE_MALFORMED' | 'SIGNATURE_NOT_CURRENT', problem: string): RpcError {
  const { code, message } = answers[reason]
  return new RpcError({ code, message: `${message}: ${problem}.`, reason, domain: errorDomain })
}
