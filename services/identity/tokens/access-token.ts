import { SignJWT } from 'jose'
import { permissionsOf, type Role } from '../roles/roles.js'
import { Secret } from '../../runtime/secret.js'
import type { Signer } from './signing-keys.js'
import type { Tag } from '../users/tags.js'
import { sessionName, userName } from '../users/user.js'

/**
 * How strongly a user has proven who they are (`acr`), weakest first, and by which methods (`amr`, RFC 8176): a password; also a key
 * that a device holds; also a PIN.
 */
export const methodsByLevel = {
  pwd: ['pwd'],
  device: ['pwd', 'hwk'],
  pin: ['pwd', 'pin'],
} as const

export type Level = keyof typeof methodsByLevel

/** Every claim of an access token. */
export const claimNames = [
  'iss',
  'aud',
  'sub',
  'sid',
  'roles',
  'permissions',
  'tags',
  'acr',
  'amr',
  'iat',
  'exp',
  'jti',
] as const

/** What an access token says. Times are ms since the epoch and are cut to seconds, as a JWT has them. */
export interface AccessClaims {
  issuer: string
  audience: string
  userId: string
  sessionId: string
  roles: readonly Role[]
  tags: readonly Tag[]
  level: Level
  issueTimeMs: number
  expireTimeMs: number
  /** Unique per token. */
  tokenId: string
}

/**
 * Signs an access token. The edge verifies it and passes the claims on; services believe them without asking Identity,
 * so whatever a service must know about the user is here, and nothing that is personal.
 */
export async function signAccessToken(signer: Signer, claims: AccessClaims): Promise<Secret> {
  const payload = {
    iss: claims.issuer,
    aud: claims.audience,
    sub: userName(claims.userId),
    sid: sessionName(claims.sessionId),
    roles: [...claims.roles],
    permissions: permissionsOf(claims.roles),
    tags: [...claims.tags],
    acr: claims.level,
    amr: [...methodsByLevel[claims.level]],
    iat: Math.floor(claims.issueTimeMs / 1000),
    exp: Math.floor(claims.expireTimeMs / 1000),
    jti: claims.tokenId,
  } satisfies Record<(typeof claimNames)[number], unknown>
  const token = new SignJWT(payload)
  token.setProtectedHeader({ alg: signer.algorithm, kid: signer.kid, typ: 'JWT' })
  return new Secret(await token.sign(signer.key), 'access token')
}
