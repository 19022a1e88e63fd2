import { status } from '@grpc/grpc-js'
import type { ErrorReason } from '../../gen/paymesh/connector/v1/error_reason.js'
import { RpcError } from '../runtime/rpc-error.js'

/** The domain of every reason below. */
export const errorDomain = 'connector.paymesh'

/** Every reason of the contract; INVALID_FIELD comes from FieldCheck, with the fields. */
type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED' | 'UNRECOGNIZED' | 'INVALID_FIELD'>
type RpcReason = 'PEER_NOT_FOUND' | 'PEER_EXISTS_DIFFERENT' | 'TOKEN_TAKEN'
/** What is left answers over HTTP: a reason added to the contract must be given a status in one of the two tables. */
export type HttpReason = Exclude<Reason, RpcReason>

interface Answer {
  readonly code: status
  readonly message: string
}

const rpcAnswers: Record<RpcReason, Answer> = {
  PEER_NOT_FOUND: { code: status.NOT_FOUND, message: 'The peer does not exist.' },
  PEER_EXISTS_DIFFERENT: {
    code: status.ALREADY_EXISTS,
    message: 'A peer of this id exists with other properties or another token.',
  },
  TOKEN_TAKEN: { code: status.ALREADY_EXISTS, message: 'The token belongs to another peer; make a new one.' },
}

const httpAnswers: Record<HttpReason, Answer & { readonly httpStatus: number }> = {
  NO_SUCH_PATH: { httpStatus: 404, code: status.NOT_FOUND, message: 'There is no such path, or not with this method.' },
  TOKEN_INVALID: { httpStatus: 401, code: status.UNAUTHENTICATED, message: 'Sign in with the bearer token of a peer.' },
  UNSUPPORTED_MEDIA_TYPE: {
    httpStatus: 415,
    code: status.INVALID_ARGUMENT,
    message: 'Send application/octet-stream or application/ilp+octet-stream.',
  },
  BODY_TOO_LARGE: { httpStatus: 413, code: status.INVALID_ARGUMENT, message: 'The body is larger than any packet.' },
  PACKET_INVALID: { httpStatus: 400, code: status.INVALID_ARGUMENT, message: 'The body is not an ILP Prepare.' },
}

/** The error that a handler throws for a reason. Metadata is as error_reason.proto documents it. */
export function connectorError(reason: RpcReason, metadata: Readonly<Record<string, string>> = {}): RpcError {
  return new RpcError({ ...rpcAnswers[reason], reason, domain: errorDomain, metadata })
}

/** The same for plain HTTP: a status, and google.rpc.Status in JSON as the edge prints it. */
export function httpError(reason: HttpReason, detail?: string): { readonly status: number; readonly body: string } {
  const { httpStatus, code, message } = httpAnswers[reason]
  const errorInfo = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: errorDomain, metadata: {} }
  const text = detail === undefined ? message : `${message.slice(0, -1)}: ${detail}.`
  return { status: httpStatus, body: JSON.stringify({ code, message: text, details: [errorInfo] }) }
}
