import { status } from '@grpc/grpc-js'
import { isDatabaseAway } from './postgres.js'
import { RpcError } from './rpc-error.js'

/** The `domain` of failures that the shared transport answers, whatever the service. */
export const runtimeDomain = 'runtime.paymesh'

function failure(code: status, reason: string, message: string, metadata?: Record<string, string>): RpcError {
  return new RpcError({ code, reason, domain: runtimeDomain, message, ...(metadata && { metadata }) })
}

/** The certificate's peer is not among those that the method's access option names. */
export function peerNotAllowed(peer: string): RpcError {
  return failure(status.PERMISSION_DENIED, 'PEER_NOT_ALLOWED', 'This peer may not call this method.', { peer })
}

/** The edge passed on a call for nobody, and the method is not public. */
export function notSignedIn(): RpcError {
  return failure(status.UNAUTHENTICATED, 'NOT_SIGNED_IN', 'Sign in first.')
}

/** The edge passed on claims that are not what it forwards for a verified token. */
export function claimsMalformed(): RpcError {
  return failure(status.UNAUTHENTICATED, 'CLAIMS_MALFORMED', 'The token does not hold the expected claims.')
}

/** The end user lacks the permission that the method asks for. */
export function permissionMissing(permission: string): RpcError {
  return failure(status.PERMISSION_DENIED, 'PERMISSION_MISSING', `The permission ${permission} is needed.`, {
    permission,
  })
}

/** The method is about the person who calls it, and a program calls. */
export function personNeeded(): RpcError {
  return failure(status.PERMISSION_DENIED, 'PERSON_NEEDED', 'Only who is signed in as a person may do this.')
}

/** The end user proved who they are less strongly than the method asks for. */
export function levelTooLow(level: string): RpcError {
  return failure(status.PERMISSION_DENIED, 'LEVEL_TOO_LOW', `Prove who you are by ${level} first.`, { level })
}

/** The client's deadline or the server's maximum passed. What the call began may still complete. */
export function deadlineExceeded(): RpcError {
  return failure(status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED', 'The deadline passed before the answer was ready.')
}

/** The client went away. Nobody reads this answer but the log. */
export function cancelled(): RpcError {
  return failure(status.CANCELLED, 'CANCELLED', 'The caller cancelled the call.')
}

/** The server is shutting down and ends a stream that could go on for ever; open it again elsewhere. */
export function draining(): RpcError {
  return failure(status.UNAVAILABLE, 'DRAINING', 'The server is shutting down.')
}

/** The database or another service could not be reached and the handler did not say what that means to its caller. */
export function dependencyUnavailable(cause: unknown): RpcError {
  return new RpcError({
    code: status.UNAVAILABLE,
    reason: 'DEPENDENCY_UNAVAILABLE',
    domain: runtimeDomain,
    message: 'A service that this one needs cannot be reached.',
    cause,
  })
}

/** Anything unforeseen. The text is fixed; the cause is for the log and never leaves the process. */
export function internal(cause: unknown): RpcError {
  return new RpcError({
    code: status.INTERNAL,
    reason: 'INTERNAL',
    domain: runtimeDomain,
    message: 'Internal error.',
    cause,
  })
}

/**
 * What a handler's rejection is answered as. An RpcError of our own is the answer. One that a client received is another
 * service's answer to us: it is not passed on, since its reason belongs to another contract, except that what
 * came of time or reachability keeps its code. A database that is away is a matter of reachability, too.
 */
export function answerFor(error: unknown): RpcError {
  if (!(error instanceof RpcError)) return isDatabaseAway(error) ? dependencyUnavailable(error) : internal(error)
  if (!error.remote) return error
  switch (error.code) {
    case status.DEADLINE_EXCEEDED:
      return deadlineExceeded()
    case status.CANCELLED:
      return cancelled()
    case status.UNAVAILABLE:
      return dependencyUnavailable(error)
    default:
      return internal(error)
  }
}
