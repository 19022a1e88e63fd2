// Rules for the fields of webhook endpoints and deliveries.
import { isIP } from 'node:net'
import { type WebhookEndpoint as EndpointMessage } from '../../../gen/paymesh/intent/v1/webhook.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { knownEventTypes } from '../webhooks/webhook.js'
import { type WebhookParts } from './deps.js'
import { checkDisplayName } from './wallet-fields.js'

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const endpointPattern = new RegExp(`^webhookEndpoints/(${uuid})$`)
const deliveryPattern = new RegExp(`^webhookEndpoints/(${uuid})/deliveries/(${uuid})$`)
const urlLengthMax = 2048

/** The id in `webhookEndpoints/{uuid}`; notes a violation for anything else, and answers an empty text then. */
export function checkEndpointName(check: FieldCheck, name: string, field: string): string {
  const id = endpointIdOf(name)
  check.that(id !== undefined, field, 'must be webhookEndpoints/{uuid}')
  return id ?? ''
}

/** The id in `webhookEndpoints/{uuid}`; undefined for anything else. */
export function endpointIdOf(name: string): string | undefined {
  return endpointPattern.exec(name)?.[1]
}

/** Both ids in a delivery's name; undefined for anything else. */
export function deliveryIdsOf(name: string): { endpointId: string; id: string } | undefined {
  const [, endpointId, id] = deliveryPattern.exec(name) ?? []
  return endpointId === undefined || id === undefined ? undefined : { endpointId, id }
}

/** Everything that an owner may say about an endpoint. `isUrlWanted` is false where the URL stays as it is. */
export function checkEndpoint(
  check: FieldCheck,
  parts: WebhookParts,
  endpoint: EndpointMessage,
  isUrlWanted: boolean,
): void {
  if (isUrlWanted) checkUrl(check, parts, endpoint.url)
  checkDisplayName(check, endpoint.displayName, 'endpoint.display_name')
  const { eventTypes } = endpoint
  const areKnown = eventTypes.every((type) => knownEventTypes.has(type)) && eventTypes.length <= knownEventTypes.size
  check.that(areKnown, 'endpoint.event_types', `must be of ${[...knownEventTypes].join(', ')}`)
}

function checkUrl(check: FieldCheck, { guard, httpsOnly }: WebhookParts, text: string): void {
  const field = 'endpoint.url'
  const url = text.length <= urlLengthMax && URL.canParse(text) ? new URL(text) : undefined
  const schemes = httpsOnly ? ['https:'] : ['https:', 'http:']
  const isUrl = url !== undefined && schemes.includes(url.protocol)
  const start = httpsOnly ? 'https://' : 'https:// or http://'
  if (!check.that(isUrl, field, `must be a URL of at most ${urlLengthMax} characters that begins with ${start}`)) return
  const isPlain = url?.username === '' && url.password === '' && !text.includes('#')
  check.that(isPlain, field, 'must have no user, no password and no fragment')
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1') ?? ''
  check.that(isIP(host) === 0 || guard.permits(host), field, 'must not be an address that is not public')
}
