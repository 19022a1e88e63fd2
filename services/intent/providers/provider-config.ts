// The variables of the providers that this process may ask.
import { z } from 'zod'
import { Secret } from '../../runtime/secret.js'
import { type HttpProviderOptions } from './http-provider.js'

// As Standard Webhooks has them: 24 to 64 bytes. Strict, since Buffer.from skips what is not base64.
const signingSecret = z
  .string()
  .regex(/^(?:whsec_)?[A-Za-z0-9+/]{32,86}={0,2}$/, 'must be 24 to 64 bytes in base64, whsec_ may stand before them')
  .transform((text) => new Secret(Buffer.from(text.replace('whsec_', ''), 'base64'), 'callback secret'))
const httpUrl = z
  .url({ protocol: /^https?$/ })
  .transform((url) => url.replace(/\/$/, ''))
  .optional()
// What a header can carry.
const accessKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,4096}$/, 'must be 1 to 4096 printable characters without spaces')
  .transform((text) => new Secret(text, 'provider key'))
  .optional()

/** For an environment's `z.object`: of each provider all, or none, and then its channel is not here. */
export const providerVariables = {
  IPPS_URL: httpUrl,
  IPPS_KEY: accessKey,
  IPPS_CALLBACK_SECRET: signingSecret.optional(),
  IPPS_CALLBACK_URL: httpUrl,
  QP_URL: httpUrl,
  QP_KEY: accessKey,
  QP_CALLBACK_SECRET: signingSecret.optional(),
  QP_CALLBACK_URL: httpUrl,
}

type Variables = z.infer<z.ZodObject<typeof providerVariables>>

const providers = [
  { name: 'ipps', prefix: 'IPPS' },
  { name: 'qp', prefix: 'QP' },
] as const

/** The variables that are missing beside others of the same provider. */
export function missingVariables(variables: Variables): string[] {
  return providers.flatMap(({ prefix }) => {
    const names = (['URL', 'KEY', 'CALLBACK_SECRET', 'CALLBACK_URL'] as const).map(
      (part) => `${prefix}_${part}` as const,
    )
    const missing = names.filter((name) => variables[name] === undefined)
    return missing.length === names.length ? [] : missing
  })
}

/** The URLs by which keys and account numbers would travel in the clear. */
export function insecureVariables(variables: Variables): string[] {
  return providers.flatMap(({ prefix }) =>
    ([`${prefix}_URL`, `${prefix}_CALLBACK_URL`] as const).filter((name) => variables[name]?.startsWith('http:')),
  )
}

/** The providers whose variables are there. */
export function providersFrom(variables: Variables): readonly HttpProviderOptions[] {
  return providers.flatMap(({ name, prefix }) => {
    const url = variables[`${prefix}_URL`]
    const key = variables[`${prefix}_KEY`]
    const callbackSecret = variables[`${prefix}_CALLBACK_SECRET`]
    const callbackUrl = variables[`${prefix}_CALLBACK_URL`]
    if (url === undefined || key === undefined || callbackSecret === undefined || callbackUrl === undefined) return []
    return [{ name, url, key, callbackSecret, callbackUrl }]
  })
}
