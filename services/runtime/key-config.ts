import { z } from 'zod'
import { keyBytes } from './keyring.js'
import { Secret } from './secret.js'

/** A key in an environment: base64 of 32 bytes. */
export const encryptionKey = z
  .string()
  // Strict, since Buffer.from skips what is not base64: a mistyped key would be another key, silently.
  .regex(/^[A-Za-z0-9+/]{43}=$/, `must be ${keyBytes} bytes in base64`)
  .transform((text) => new Secret(Buffer.from(text, 'base64'), 'key'))

const namedKey = /^([a-z0-9-]{1,63}):(.*)$/

/** Keys of a keyring in an environment: "id:base64 of 32 bytes[,…]". */
export const namedKeys = z.string().transform((text, context) => {
  const found = new Map<string, Secret<Buffer>>()
  for (const entry of text.split(',')) {
    const [, id, encoded] = namedKey.exec(entry) ?? []
    const parsed = encryptionKey.safeParse(encoded)
    if (id === undefined || !parsed.success || found.has(id)) {
      const message = `must be id:key[,id:key…], each id once, every key ${keyBytes} bytes in base64`
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    found.set(id, parsed.data)
  }
  return Array.from(found, ([id, value]) => ({ id, key: value }))
})
