import { z } from 'zod'
import { AuthLevel } from '../../gen/paymesh/access/v1/access.js'
import type { Subject } from './call.js'

/** The header in which the edge forwards what it verified as base64url JSON: a token's payload, or whose signature it was. */
export const claimsHeader = 'x-paymesh-claims'

const levels = { pwd: AuthLevel.PASSWORD, device: AuthLevel.DEVICE, pin: AuthLevel.PIN } as const

const claimsSchema = z.object({
  sub: z.string().regex(/^(users|clients)\/[A-Za-z0-9._~-]{1,128}$/),
  sid: z.string().default(''),
  roles: z.array(z.string()).default([]),
  permissions: z.array(z.string()).default([]),
  tags: z.array(z.string()).default([]),
  acr: z.enum(['pwd', 'device', 'pin']).optional(),
  client: z
    .string()
    .regex(/^clients\/[A-Za-z0-9._~-]{1,128}$/)
    .optional(),
})

/**
 * The subject of forwarded claims; undefined when they are malformed. Signature, issuer, audience and expiry are the
 * edge's to check; only ask this of a header that came from the edge.
 */
export function parseClaims(header: string): Subject | undefined {
  const parsed = claimsSchema.safeParse(parseJson(Buffer.from(header, 'base64url').toString()))
  if (!parsed.success) return undefined
  const { sub, sid, roles, permissions, tags, acr, client } = parsed.data
  const level = acr === undefined ? AuthLevel.UNSPECIFIED : levels[acr]
  return { name: sub, session: sid, roles, permissions: new Set(permissions), tags, level, actor: client }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
