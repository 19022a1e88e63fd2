import { type EdgeProfile } from './edge-options.js'
import { type ContractMethod } from './public-methods.js'
import { SUBJECT_HEADER } from './signatures.js'

type Json = Record<string, unknown>

/** How many requests one address may send a second, and how many at once after a pause. */
interface Bucket {
  readonly perSecond: number
  readonly burst: number
}

interface Limits {
  /** The whole edge. */
  readonly edge: Bucket
  /** One address, on what is public: registering, signing in. Passwords are tried here. */
  readonly anonymous: Bucket
  /** One address, on everything else. */
  readonly signedIn: Bucket
}

/**
 * Guards of one Envoy process, kept in its memory. They bound what an address can cost before anybody is asked, and hold
 * when nobody can be; limits that operators set, and that hold across edges, are Rules' (`sharedRateLimitFilter`).
 */
const LIMITS: Record<EdgeProfile, Limits> = {
  // One person behind one address signs in a few times a minute; an office shares one address.
  public: {
    edge: { perSecond: 2000, burst: 4000 },
    anonymous: { perSecond: 1, burst: 20 },
    signedIn: { perSecond: 50, burst: 200 },
  },
  // One machine plays every user.
  demo: {
    edge: { perSecond: 20000, burst: 40000 },
    anonymous: { perSecond: 50, burst: 300 },
    signedIn: { perSecond: 20000, burst: 40000 },
  },
}

/** Who has one IPv6 address has the 2^64 of its network. */
const ADDRESS_ACTION = { masked_remote_address: { v4_prefix_mask_len: 32, v6_prefix_mask_len: 64 } }

/** Addresses remembered at once; the least recently seen is forgotten first. */
const ADDRESSES_MAX = 20_000

const always = (key: string): Json => ({ runtime_key: key, default_value: { numerator: 100, denominator: 'HUNDRED' } })

const tokenBucket = ({ perSecond, burst }: Bucket): Json => ({
  max_tokens: burst,
  tokens_per_fill: perSecond,
  fill_interval: '1s',
})

const shared = {
  // Without these two the filter counts and lets everything pass.
  filter_enabled: always('edge.rate_limit_enabled'),
  filter_enforced: always('edge.rate_limit_enforced'),
  response_headers_to_add: [
    { header: { key: 'retry-after', value: '1' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
  ],
}

const localRateLimit = 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'

/**
 * Two filters: the first counts the whole edge, the second an address. A route's own settings replace those of the
 * filter that they name, so the total needs a filter that no route names.
 */
export function rateLimitFilters(profile: EdgeProfile): Json[] {
  const edge = {
    '@type': localRateLimit,
    stat_prefix: 'edge',
    token_bucket: tokenBucket(LIMITS[profile].edge),
    ...shared,
  }
  return [
    { name: 'paymesh.edge_rate_limit', typed_config: edge },
    // Counts nothing by itself: what it does is said by the routes.
    { name: ADDRESS_FILTER, typed_config: { '@type': localRateLimit, stat_prefix: 'address' } },
  ]
}

/** The filter for which `addressRateLimit` is a route's setting. */
export const ADDRESS_FILTER = 'paymesh.address_rate_limit'

/** What a route adds: a bucket an address. */
export function addressRateLimit(profile: EdgeProfile, audience: 'anonymous' | 'signedIn'): Json {
  return {
    '@type': localRateLimit,
    stat_prefix: audience,
    token_bucket: tokenBucket(LIMITS[profile].edge),
    rate_limits: [{ actions: [ADDRESS_ACTION] }],
    // An entry without a value stands for every value: each address gets a bucket of its own.
    descriptors: [
      { entries: [{ key: 'masked_remote_address' }], token_bucket: tokenBucket(LIMITS[profile][audience]) },
    ],
    max_dynamic_descriptors: ADDRESSES_MAX,
    ...shared,
  }
}

/** How long a request waits to be counted, at most: it then passes, and so it does while Rules is away. */
const COUNT_MS_MAX = 50

/**
 * Asks Rules, on what the routes say of a request (`sharedRateLimits`). Rules' answer brings the headers that tell the client.
 * Stands behind the token's check, since it counts by user.
 */
export const sharedRateLimitFilter: Json = {
  name: 'envoy.filters.http.ratelimit',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit',
    domain: 'edge',
    timeout: `${COUNT_MS_MAX / 1000}s`,
    failure_mode_deny: false,
    rate_limited_as_resource_exhausted: true,
    rate_limit_service: {
      transport_api_version: 'V3',
      grpc_service: { envoy_grpc: { cluster_name: 'rules' }, timeout: `${COUNT_MS_MAX / 1000}s` },
    },
  },
}

/** The kind of a request, by which operators limit. A payment is what its payer, its payee or who funds asks for. */
export type RequestClass = 'PUBLIC' | 'READ' | 'WRITE' | 'PAYMENT'

export function requestClass({ access, http }: Pick<ContractMethod, 'access' | 'http'>): RequestClass {
  if (access.public && !access.signed) return 'PUBLIC'
  if (http?.verb === 'GET') return 'READ'
  return MOVING_MONEY.has(access.permission) ? 'PAYMENT' : 'WRITE'
}

const MOVING_MONEY: ReadonlySet<string> = new Set(['intents:write', 'refunds:write', 'funding:write'])

/** What a route tells Rules of its requests: the class with the address, and with whose token or signature it is. */
export function sharedRateLimits(requestClass: RequestClass, provenBy: 'token' | 'signature'): Json[] {
  const ofClass = { generic_key: { descriptor_key: 'class', descriptor_value: requestClass } }
  const metadataKey = { key: 'envoy.filters.http.jwt_authn', path: [{ key: 'payload' }, { key: 'sub' }] }
  // A descriptor without a value, of a request without a token, is left out.
  const ofToken = { metadata: { descriptor_key: 'subject', metadata_key: metadataKey } }
  const ofSignature = { request_headers: { descriptor_key: 'subject', header_name: SUBJECT_HEADER } }
  const subject = provenBy === 'token' ? ofToken : ofSignature
  return [{ actions: [ofClass, ADDRESS_ACTION] }, { actions: [ofClass, subject] }]
}
