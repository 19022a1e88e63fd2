import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type SigningKey, signRequest, type UnsignedRequest } from '../../docs/examples/sign-request.js'
import { type Answer } from './api.js'
import { theMesh } from './mesh-under-test.js'

const clientShape = z.object({ name: z.string(), keys: z.array(z.object({ name: z.string() })) })
/** What users may do. */
export const permissions = ['intents:read', 'intents:write', 'wallet:read', 'wallet:write']

/** A signed request as it is sent: what a test may change after it was signed. */
export interface Sent {
  readonly method: string
  readonly path: string
  readonly body: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Creates a client that may do what a user may, unless told otherwise. */
export async function newClient(properties: object = {}): Promise<{ name: string; key: SigningKey }> {
  const { admin } = await theMesh()
  const client = { displayName: 'Shop', permissions, ...properties }
  const { status, body } = await admin.send('POST', '/v1/admin/clients', { requestId: randomUUID(), client })
  assert.equal(status, 200, JSON.stringify(body))
  const made = z.object({ client: clientShape, secret: z.string() }).parse(body)
  return { name: made.client.name, key: { keyId: made.client.keys[0]!.name, secret: made.secret } }
}

/** Signs a request at the edge. */
export async function signed(
  key: SigningKey,
  method: string,
  path: string,
  body?: unknown,
  { createdMs, nonce, ...more }: Partial<UnsignedRequest> & { createdMs?: number; nonce?: string } = {},
): Promise<Sent> {
  const { api } = await theMesh()
  const text = body === undefined ? undefined : JSON.stringify(body)
  const request = { method, url: api.url + path, ...(text !== undefined && { body: text }), ...more }
  return { method, path, body: text, headers: signRequest(key, request, createdMs, nonce) }
}

export async function send({ method, path, body, headers }: Sent): Promise<Answer> {
  return await (await theMesh()).api.send(method, path, body, { ...headers })
}
