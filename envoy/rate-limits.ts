import { type EdgeProfile } from './edge-options.js'

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
 * Guards of one Envoy process, kept in its memory. They bound what an address can cost before anybody is asked;
 * limits a user or client are Rules' and hold across edges.
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
    rate_limits: [{ actions: [{ remote_address: {} }] }],
    // An entry without a value stands for every value: each address gets a bucket of its own.
    descriptors: [{ entries: [{ key: 'remote_address' }], token_bucket: tokenBucket(LIMITS[profile][audience]) }],
    max_dynamic_descriptors: ADDRESSES_MAX,
    ...shared,
  }
}
