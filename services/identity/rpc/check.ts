import { status } from '@grpc/grpc-js'
import {
  type CheckRequest,
  CheckResponse,
  type HeaderValueOption,
} from '../../../gen/envoy/service/auth/v3/external_auth.js'
import type { Call } from '../../runtime/call.js'
import { claimsHeader } from '../../runtime/claims.js'
import type { RpcError } from '../../runtime/rpc-error.js'
import { clientName } from '../clients/client.js'
import { identityError, signatureError } from '../errors.js'
import {
  checkSignedRequest,
  onBehalfOfHeader,
  type SignedCaller,
  type SignedRequest,
  type SignedRequestChecked,
  type SignedRequestDeps,
} from '../signatures/signed-request.js'

export type CheckDeps = SignedRequestDeps

/** The header by which the edge tells Rules whose request it is; services get no such header. */
const subjectHeader = 'x-paymesh-subject'

/** Answers whether a signed request may pass, and as whose. Never fails but for want of the database. */
export async function check(deps: CheckDeps, call: Call, request: CheckRequest): Promise<CheckResponse> {
  const signed = signedRequest(request)
  const checked = await checkSignedRequest(deps, signed)
  if (checked.kind === 'passed') return passed(checked.caller)
  call.log.info({ refused: logged(checked) }, 'a signed request was refused')
  return refused(refusal(checked))
}

function signedRequest({ attributes }: CheckRequest): SignedRequest {
  const { method = '', path = '', headers = {}, rawBody = new Uint8Array() } = attributes?.request?.http ?? {}
  return {
    method,
    target: path,
    headers,
    body: rawBody,
    isBodyCut: headers['x-envoy-auth-partial-body'] === 'true',
    address: attributes?.source?.address?.socketAddress?.address ?? '',
  }
}

/** The claims in the shape of a token's, so that a service reads signed and signed-in requests alike. Roles are for people. */
function passed({ client, user, permissions, tags }: SignedCaller): CheckResponse {
  const name = clientName(client.id)
  const claims = { sub: user ?? name, ...(user !== undefined && { client: name }), permissions, tags }
  const okResponse = {
    headers: [
      header(claimsHeader, Buffer.from(JSON.stringify(claims)).toString('base64url')),
      header(subjectHeader, name),
    ],
    headersToRemove: ['authorization', 'signature', 'signature-input', onBehalfOfHeader],
  }
  return CheckResponse.fromPartial({
    status: { code: status.OK },
    httpResponse: { $case: 'okResponse', okResponse },
  })
}

type Refused = Exclude<SignedRequestChecked, { kind: 'passed' }>

function refusal(checked: Refused): RpcError {
  switch (checked.kind) {
    case 'malformed':
      return signatureError('SIGNATURE_MALFORMED', checked.problem)
    case 'not-current':
      return signatureError('SIGNATURE_NOT_CURRENT', checked.problem)
    case 'invalid':
      return identityError('SIGNATURE_INVALID')
    case 'acting-not-allowed':
      return identityError('ACTING_NOT_ALLOWED')
  }
}

function logged(checked: Refused): string {
  switch (checked.kind) {
    case 'malformed':
    case 'not-current':
      return checked.problem
    case 'invalid':
      return checked.why
    case 'acting-not-allowed':
      return 'the client may not act for the user'
  }
}

const httpStatuses: Readonly<Partial<Record<status, number>>> = {
  [status.INVALID_ARGUMENT]: 400,
  [status.UNAUTHENTICATED]: 401,
  [status.PERMISSION_DENIED]: 403,
}

/** The body is what the transcoder makes of the same error by a service. */
function refused({ code, message, reason, domain }: RpcError): CheckResponse {
  const errorInfo = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain }
  const deniedResponse = {
    status: { code: httpStatuses[code] ?? 403 },
    headers: [header('content-type', 'application/json')],
    body: JSON.stringify({ code, message, details: [errorInfo] }),
  }
  return CheckResponse.fromPartial({
    status: { code, message },
    httpResponse: { $case: 'deniedResponse', deniedResponse },
  })
}

function header(key: string, value: string): HeaderValueOption {
  return { header: { key, value } }
}
