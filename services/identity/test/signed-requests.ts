import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type CheckRequest, type CheckResponse } from '../../../gen/envoy/service/auth/v3/external_auth.js'
import { AuthorizationService } from '../../../gen/envoy/service/auth/v3/external_auth.js'
import {
  AddKeyRequest,
  type Client,
  ClientServiceService,
  CreateClientRequest,
} from '../../../gen/paymesh/identity/v1/client_service.js'
import { type SigningKey, signRequest, type UnsignedRequest } from '../../../docs/examples/sign-request.js'
import { parseClaims } from '../../runtime/claims.js'
import type { Claims, TestIdentity } from './harness.js'

/** The claims of who administers clients. */
export const clientAdmin: Claims = {
  sub: 'users/0198c0de-0000-7000-8000-00000000c11e',
  permissions: ['clients:admin'],
}

/** A request on its way to Check: what a test may change after it was signed. */
export interface Sent {
  method: string
  path: string
  headers: Record<string, string>
  body: string
  address: string
}

let requests = 0

/** Creates a client, which may pay unless told otherwise. */
export async function newClient(
  identity: TestIdentity,
  properties: Partial<Client> = {},
): Promise<{ client: Client; key: SigningKey }> {
  const request = CreateClientRequest.fromPartial({
    requestId: `client-${++requests}`,
    client: { displayName: 'Shop', permissions: ['intents:write', 'wallet:read'], ...properties },
  })
  const { client, secret } = await identity.call(ClientServiceService.createClient, request, { claims: clientAdmin })
  return { client: client!, key: { keyId: client!.keys[0]!.name, secret } }
}

/** Adds an Ed25519 key to a client. */
export async function newKeyOf(
  identity: TestIdentity,
  client: Client,
  expireTimeMs?: number,
): Promise<{ keyId: string; privateKey: KeyObject; publicKey: Buffer }> {
  const { publicKey: half, privateKey } = generateKeyPairSync('ed25519')
  const publicKey = Buffer.from(half.export({ format: 'jwk' }).x!, 'base64url')
  const request = AddKeyRequest.fromPartial({
    parent: client.name,
    publicKey,
    ...(expireTimeMs !== undefined && { expireTime: { seconds: BigInt(Math.ceil(expireTimeMs / 1000)) } }),
  })
  const { key } = await identity.call(ClientServiceService.addKey, request, { claims: clientAdmin })
  return { keyId: key!.name, privateKey, publicKey }
}

/** Signs a payment, or another request. */
export function signed(key: SigningKey, createdMs: number, given: Partial<UnsignedRequest> = {}, nonce?: string): Sent {
  const request: UnsignedRequest = {
    method: 'POST',
    url: 'https://pay.example/v1/intents?a=1',
    body: '{"amount":"1"}',
    ...given,
  }
  const { pathname, search } = new URL(request.url)
  const headers = signRequest(key, request, createdMs, nonce)
  return {
    method: request.method,
    path: pathname + search,
    headers: { authorization: 'Bearer x', ...headers },
    body: request.body ?? '',
    address: '192.0.2.7',
  }
}

/** What a decision comes to: whose request it is, or the status and reason of its refusal. */
export interface Decision {
  readonly status: number
  readonly reason: string
  readonly message: string
  readonly subject: ReturnType<typeof parseClaims>
  readonly answer: CheckResponse
}

/** Asks as the edge does. */
export async function check(identity: TestIdentity, sent: Sent): Promise<Decision> {
  const http = { method: sent.method, path: sent.path, headers: sent.headers, rawBody: Buffer.from(sent.body) }
  const request: CheckRequest = {
    attributes: { source: { address: { socketAddress: { address: sent.address } } }, request: { http } },
  }
  const answer = await identity.call(AuthorizationService.check, request)
  const { httpResponse } = answer
  if (httpResponse?.$case === 'okResponse') {
    const claims = httpResponse.okResponse.headers.find(({ header }) => header?.key === 'x-paymesh-claims')
    const subject = parseClaims(claims!.header!.value)
    return { status: 200, reason: '', message: '', subject, answer }
  }
  const denied = httpResponse!.deniedResponse
  const { message, details } = JSON.parse(denied.body) as { message: string; details: { reason: string }[] }
  return { status: denied.status!.code, reason: details[0]!.reason, message, subject: undefined, answer }
}
