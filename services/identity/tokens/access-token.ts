import { SignJWT } from 'jose'
import { permissionsOf, type Role } from '../roles/roles.js'
import { Secret } from '../../runtime/secret.js'
import type { Signer } from './signing-keys.js'
import type { Tag } from '../users/tags.js'
import { sessionName, userName } from '../users/user.js'

/** What an access token says. Times are ms since the epoch and are cut to seconds, as a JWT has them. */
export interface AccessClaims {
  issuer: string
  audience: string
  userId: string
  sessionId: string
  roles: readonly Role[]
  tags: readonly Tag[]
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
  const token = new SignJWT({
    iss: claims.issuer,
    aud: claims.audience,
    sub: userName(claims.userId),
    sid: sessionName(claims.sessionId),
    roles: [...claims.roles],
    permissions: permissionsOf(claims.roles),
    tags: [...claims.tags],
    // How the user was authenticated: by password. A device key or a PIN will say more.
    acr: 'pwd',
    iat: Math.floor(claims.issueTimeMs / 1000),
    exp: Math.floor(claims.expireTimeMs / 1000),
    jti: claims.tokenId,
  })
  token.setProtectedHeader({ alg: signer.algorithm, kid: signer.kid, typ: 'JWT' })
  return new Secret(await token.sign(signer.key), 'access token')
}
