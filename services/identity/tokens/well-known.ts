import { status } from '@grpc/grpc-js'
import type { HttpAnswer } from '../../runtime/http-server.js'
import { claimNames, methodsByLevel } from './access-token.js'
import { keySetAgeMsMax } from './signing-key-rotation.js'
import type { SigningKeys } from './signing-keys.js'

export interface WellKnownDeps {
  signingKeys: Pick<SigningKeys, 'published'>
  issuer: string
}

const keySetPath = '/.well-known/jwks.json'
const discoveryPath = '/.well-known/openid-configuration'

/** Answers GET and HEAD of the key set (RFC 7517) and of the discovery document that leads to it. */
export function answerWellKnown(deps: WellKnownDeps, method: string, path: string): HttpAnswer {
  // A query is ignored, so that a cache-buster works.
  const [plainPath] = path.split('?')
  if (plainPath !== keySetPath && plainPath !== discoveryPath) {
    return json(404, { code: status.NOT_FOUND, message: 'There is nothing at this path.', details: [] })
  }
  if (method !== 'GET' && method !== 'HEAD') {
    const body = { code: status.UNIMPLEMENTED, message: 'Only GET and HEAD.', details: [] }
    return json(405, body, { allow: 'GET, HEAD' })
  }
  const document = plainPath === keySetPath ? { keys: deps.signingKeys.published() } : discovery(deps)
  return json(200, document, { 'cache-control': `public, max-age=${keySetAgeMsMax / 1000}` })
}

// The members of OpenID Connect Discovery 1.0 section 3 that are true of a mesh whose only flow is its own sign-in:
// no authorization endpoint, so no response types.
function discovery({ issuer, signingKeys }: WellKnownDeps): unknown {
  return {
    issuer,
    jwks_uri: issuer.replace(/\/$/, '') + keySetPath,
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(signingKeys.published().map((key) => key.alg))],
    // Weakest first.
    acr_values_supported: Object.keys(methodsByLevel),
    claim_types_supported: ['normal'],
    claims_supported: claimNames,
  }
}

function json(code: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status: code, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}
