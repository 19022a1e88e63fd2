import type { Random } from '../../runtime/ids.js'
import type { Keyring } from '../../runtime/keyring.js'
import { Secret } from '../../runtime/secret.js'
import { type ClientKey, keyName, type KeyMaterial } from './client.js'

/** As much as HMAC-SHA256 makes use of. */
const secretBytes = 32
// Scanners for leaked secrets find it by this.
const prefix = 'pmsec_'

type KeyId = Pick<ClientKey, 'clientId' | 'id'>

/** What a sealed secret is bound to: sealed for one key, it does not open as another's. */
const contextOf = (key: KeyId): string => `${keyName(key)}#secret`

/** A secret for a key: sealed, to be stored, and as the administrator is shown it this once. */
export function newSecret(
  { keyring, random }: { keyring: Keyring; random: Random },
  key: KeyId,
): { material: KeyMaterial; text: Secret } {
  const secret = new Secret(Buffer.from(random(secretBytes)), 'client secret')
  const text = new Secret(`${prefix}${secret.reveal().toString('base64')}`, 'client secret')
  return { material: { algorithm: 'hmac-sha256', secret: keyring.wrap(secret, contextOf(key)) }, text }
}

/** The bytes of a stored secret. */
export function openSecret(keyring: Keyring, key: KeyId, secret: Parameters<Keyring['unwrap']>[0]): Secret<Buffer> {
  return keyring.unwrap(secret, contextOf(key))
}
