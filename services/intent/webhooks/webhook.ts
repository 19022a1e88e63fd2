// Webhooks: events by HTTP to whoever asked for them.
//
// A delivery is one event for one endpoint. PENDING: waits for its first or next attempt. DELIVERED: the endpoint
// answered with a status from 200 to 299. DEAD: given up. PENDING moves to DELIVERED or DEAD; a replay takes any of the
// three back to PENDING.
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'

export interface WebhookEndpoint {
  /** A UUIDv7. */
  readonly id: string
  /** Whose events are told. */
  readonly owner: string
  readonly url: string
  readonly displayName: string
  /** None means all. */
  readonly eventTypes: readonly string[]
  readonly disabled: boolean
  /** Counts the changes by the owner, from 1: the etag. */
  readonly revision: number
  readonly createTimeMs: number
  /** When the last secret before the newest stops signing; undefined without one. */
  readonly overlapEndMs: number | undefined
}

export type DeliveryState = 'PENDING' | 'DELIVERED' | 'DEAD'

export type DeliveryFailure =
  'NAME_NOT_RESOLVED' | 'ADDRESS_REFUSED' | 'CONNECTION_FAILED' | 'TIMEOUT' | 'STATUS_REFUSED'

export interface WebhookDelivery {
  /** A UUIDv7. */
  readonly id: string
  readonly endpointId: string
  readonly eventId: string
  readonly eventType: string
  readonly intentId: string
  readonly state: DeliveryState
  readonly attempts: number
  readonly dueTimeMs: number
  readonly lastStatus: number | undefined
  readonly lastFailure: DeliveryFailure | undefined
  readonly createTimeMs: number
  readonly completeTimeMs: number | undefined
}

/** How many endpoints an owner may have. */
export const endpointsMax = 20

/** The types of all events: one a state of an intent, but the first, in which none is stored. */
export const knownEventTypes: ReadonlySet<string> = new Set(
  Object.entries(IntentState)
    .filter(([, number]) => number > IntentState.CREATED)
    .map(([state]) => `paymesh.intent.${state.toLowerCase()}.v1`),
)

const hourMs = 3_600_000

/** How long a delivery is tried before it is given up. A consumer that breaks on a Friday night is mended by Monday. */
export const retryPeriodMs = 72 * hourMs

// A hiccup costs seconds, an outage of hours few attempts: 5 s, 15 s, 45 s … 3 h, then 8 h each; 17 in three days.
const firstDelayMs = 5_000
const delayMsMax = 8 * hourMs

/** How long to wait after so many attempts (1 and up); jittered by a quarter. `random` is 0 up to 1. */
export function retryDelayMs(attempts: number, random: number): number {
  return Math.min(delayMsMax, firstDelayMs * 3 ** Math.min(attempts - 1, 16)) * (0.75 + random / 2)
}

/** The event's id as headers have it: Standard Webhooks separates what it signs with full stops. */
export function webhookId(eventId: string): string {
  return `evt_${eventId.replaceAll('.', '_')}`
}
