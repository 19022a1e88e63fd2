// Whether a signed request is taken, and in whose name: RFC 9421 and RFC 9530, as docs/machine-clients.md tells clients.
//
// In this order: what the request says of its signature is read; it covers what it must; its time is now; its key is
// known, of a client that may sign from there; the signature is the key's; the body is the one that was signed; the nonce
// is new; the client may act for the user. Up to the key everything is the client's own words and is told in detail, from
// there to the nonce every refusal is one.
import { isIP } from 'node:net'
import type { Clock } from '../../runtime/clock.js'
import type { Keyring } from '../../runtime/keyring.js'
import { networkFrom, networkList } from '../../runtime/network.js'
import { type Client, type ClientKey, everyUser, grantablePermissions, parseKeyName } from '../clients/client.js'
import type { ClientKeyStore } from '../clients/client-key-store.js'
import { openSecret } from '../clients/client-secret.js'
import { permissionsOf, rolesOfPrincipals } from '../roles/roles.js'
import type { SessionStore } from '../sessions/session-store.js'
import type { Tag } from '../users/tags.js'
import { parseUserName } from '../users/user.js'
import { compareDigest } from './content-digest.js'
import type { NonceStore } from './nonce-store.js'
import { isSignatureOf, type VerifyingKey } from './signature-algorithm.js'
import { signatureBase, type SignedMessage } from './signature-base.js'
import { readSignature, type SignatureInput } from './signature-input.js'

/** A request with a signature, as the edge got it. */
export interface SignedRequest extends SignedMessage {
  readonly body: Uint8Array
  /** Whether the body is only the beginning of what was sent. */
  readonly isBodyCut: boolean
  /** The IP address that it came from. */
  readonly address: string
}

/** In whose name a request is passed on, and what it may do. */
export interface SignedCaller {
  readonly client: Client
  /** `users/{uuid}` when the client acts for a user. */
  readonly user: string | undefined
  readonly permissions: readonly string[]
  readonly tags: readonly Tag[]
}

export type SignedRequestChecked =
  | { readonly kind: 'passed'; readonly caller: SignedCaller }
  | { readonly kind: 'malformed'; readonly problem: string }
  | { readonly kind: 'not-current'; readonly problem: string }
  /** `why` is for the log alone. */
  | { readonly kind: 'invalid'; readonly why: string }
  | { readonly kind: 'acting-not-allowed' }

type Refused = Exclude<SignedRequestChecked, { kind: 'passed' }>

export interface SignedRequestDeps {
  readonly clientKeys: Pick<ClientKeyStore, 'findWithClient'>
  readonly nonces: Pick<NonceStore, 'use'>
  readonly sessions: Pick<SessionStore, 'standingOf'>
  readonly keyring: Keyring
  readonly clock: Clock
}

/** The header by which a client acts for a user. Not x-paymesh-…, of which the edge lets nothing in. */
export const onBehalfOfHeader = 'paymesh-on-behalf-of'

/** How far a client's clock may be off, and how long a request may be under way. */
const skewSeconds = 300
/** After this no replica takes the message any more, whose clocks may differ a little, too. */
const nonceSeconds = 2 * skewSeconds

/** Checks a signed request, and uses its nonce up when the signature is good. */
export async function checkSignedRequest(
  deps: SignedRequestDeps,
  request: SignedRequest,
): Promise<SignedRequestChecked> {
  const read = readSignature(request.headers['signature-input'] ?? '', request.headers['signature'] ?? '')
  if ('problem' in read) return { kind: 'malformed', problem: read.problem }
  const input = read.value
  const nowMs = deps.clock.nowMs()
  const base = signatureBase(request, input.components, input.signatureParams)
  if ('missing' in base) return { kind: 'malformed', problem: `the request has no ${base.missing}, which is covered` }
  const refused = coverageProblem(request, input) ?? timeProblem(input, nowMs)
  if (refused !== undefined) return refused
  const known = await knownKey(deps, request, input, nowMs)
  if ('kind' in known) return known
  if (!isSignatureOf(verifyingKey(deps.keyring, known.key), Buffer.from(base.base), input.signature)) {
    return { kind: 'invalid', why: 'the signature is not of this request' }
  }
  if (!isBodyAsSigned(request)) return { kind: 'invalid', why: 'the body is another' }
  if (!(await deps.nonces.use(known.client.id, input.nonce, (input.created + nonceSeconds) * 1000))) {
    return { kind: 'invalid', why: 'the nonce was used' }
  }
  return await callerOf(deps, known.client, request)
}

const alwaysCovered = ['@method', '@path', '@query'] as const

function coverageProblem({ headers, body, isBodyCut }: SignedRequest, input: SignatureInput): Refused | undefined {
  const covered = new Set(input.components)
  const needed = [
    ...alwaysCovered,
    ...(body.length > 0 ? ['content-digest'] : []),
    ...(headers[onBehalfOfHeader] === undefined ? [] : [onBehalfOfHeader]),
  ]
  const missing = needed.find((name) => !covered.has(name))
  if (missing !== undefined) return { kind: 'malformed', problem: `"${missing}" must be covered` }
  if (isBodyCut) return { kind: 'malformed', problem: 'the body is too large to be compared with what was signed' }
  const digest = headers['content-digest']
  if (digest !== undefined && compareDigest(digest, body) === 'unreadable') {
    return { kind: 'malformed', problem: 'content-digest must have a sha-256 or a sha-512' }
  }
  return undefined
}

function isBodyAsSigned({ headers, body }: SignedRequest): boolean {
  const digest = headers['content-digest']
  return digest === undefined || compareDigest(digest, body) === 'same'
}

function timeProblem({ created, expires }: SignatureInput, nowMs: number): Refused | undefined {
  const now = nowMs / 1000
  const clock = `the time here is ${Math.floor(now)}`
  if (Math.abs(now - created) > skewSeconds) {
    return { kind: 'not-current', problem: `created is more than ${skewSeconds} seconds off; ${clock}` }
  }
  return expires !== undefined && expires <= now
    ? { kind: 'not-current', problem: `expires is over; ${clock}` }
    : undefined
}

async function knownKey(
  { clientKeys }: SignedRequestDeps,
  { address }: SignedRequest,
  { keyId, algorithm }: SignatureInput,
  nowMs: number,
): Promise<{ client: Client; key: ClientKey } | Refused> {
  const ids = parseKeyName(keyId)
  const found = 'value' in ids ? await clientKeys.findWithClient(ids.value) : undefined
  const invalid = (why: string) => ({ kind: 'invalid', why }) as const
  if (found === undefined) return invalid('the key is unknown')
  const { client, key } = found
  if (key.expireTimeMs !== undefined && key.expireTimeMs <= nowMs) return invalid('the key has ended')
  if (algorithm !== undefined && algorithm !== key.material.algorithm) return invalid('the key has another algorithm')
  if (client.disabled) return invalid('the client is disabled')
  return mayComeFrom(client, address) ? found : invalid('the client may not come from there')
}

function mayComeFrom({ networks }: Client, address: string): boolean {
  if (networks.length === 0) return true
  const version = isIP(address)
  const list = networkList(networks.map(networkFrom).filter((network) => network !== undefined))
  return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

function verifyingKey(keyring: Keyring, key: ClientKey): VerifyingKey {
  const { material } = key
  if (material.algorithm === 'ed25519') return material
  return { algorithm: material.algorithm, secret: openSecret(keyring, key, material.secret) }
}

async function callerOf(
  { sessions, clock }: SignedRequestDeps,
  client: Client,
  { headers }: SignedRequest,
): Promise<SignedRequestChecked> {
  const own = client.permissions.filter((permission) => grantablePermissions.has(permission))
  const user = headers[onBehalfOfHeader]?.trim()
  if (user === undefined) return { kind: 'passed', caller: { client, user, permissions: own, tags: [] } }
  const id = parseUserName(user)
  if (!client.mayActFor.includes(everyUser) && !client.mayActFor.includes(user)) return { kind: 'acting-not-allowed' }
  const found = 'value' in id ? await sessions.standingOf(id.value, clock.nowMs()) : undefined
  if (found === undefined) return { kind: 'acting-not-allowed' }
  const theirs = new Set<string>(permissionsOf(found.roles.filter((role) => rolesOfPrincipals.has(role))))
  const permissions = own.filter((permission) => theirs.has(permission))
  return { kind: 'passed', caller: { client, user, permissions, tags: found.tags } }
}
