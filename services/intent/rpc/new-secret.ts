import { Secret } from '../../runtime/secret.js'
import { type SealedSecret } from '../webhooks/webhook-endpoint-store.js'
import { secretContext, secretText } from '../webhooks/webhook-signature.js'
import { type RpcDeps } from './deps.js'

// As much as HMAC-SHA256 makes use of.
const secretBytes = 32

/** A secret for an endpoint: sealed, to be stored, and as its owner is shown it this once. */
export function newSecret(deps: RpcDeps, endpointId: string): { sealed: SealedSecret; text: string } {
  const { keyring, random } = deps.webhooks
  const key = new Secret(Buffer.from(random(secretBytes)), 'webhook secret')
  return { sealed: { id: deps.newId(), ...keyring.wrap(key, secretContext(endpointId)) }, text: secretText(key) }
}
