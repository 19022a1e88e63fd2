import { httpCluster } from './clusters.js'
import { type EdgeOptions, type EdgeProfile } from './edge-options.js'
import { type ContractMethod, type HttpRule } from './public-methods.js'
import { OPENAPI_PATH } from './local-replies.js'
import { ADDRESS_FILTER, addressRateLimit, requestClass, sharedRateLimits } from './rate-limits.js'
import { noSignature, SAYS_IT_IS_SIGNED, SUBJECT_HEADER } from './signatures.js'

type Json = Record<string, unknown>

/** The whole of a unary call at the edge. The service is told a little less, so that it is the one to give up first. */
const UNARY_TIMEOUT_MS = 10_000
const SERVICE_TIMEOUT_MS = 9_500
/** Services send a heartbeat every 15 seconds on a quiet stream. */
const STREAM_IDLE_MS = 60_000

/**
 * The routes, first match wins: gRPC is turned away, then what the contracts offer, then plain HTTP/2 handlers, then
 * nothing. No route matches what is not offered, so a new RPC is closed until its contract opens it.
 */
export function routes(options: EdgeOptions, methods: readonly OfferedMethod[]): Json[] {
  return [
    tunnelRefusal,
    twoHostsRefusal,
    grpcRefusal,
    ...(options.corsOrigins.length === 0 ? [] : [preflight]),
    ...methods.flatMap((method) => methodRoutes(options.profile, method)),
    handlerRoute(options.profile, 'GET', '/.well-known/jwks.json', httpCluster('identity')),
    handlerRoute(options.profile, 'GET', '/.well-known/openid-configuration', httpCluster('identity')),
    handlerRoute(options.profile, 'POST', '/ilp', httpCluster('connector')),
    openApiDocument(options),
    refusal({ prefix: '/' }, 404),
  ]
}

type OfferedMethod = ContractMethod & { http: HttpRule }

/** What needs somebody has two routes: for who signs the request, then for who brings a token. */
function methodRoutes(profile: EdgeProfile, method: OfferedMethod): Json[] {
  const { access } = method
  const limit = { [ADDRESS_FILTER]: addressRateLimit(profile, isAnonymous(access) ? 'anonymous' : 'signedIn') }
  const filters = { ...limit, ...noSignature(), ...(access.public ? noToken() : {}) }
  const plain = { ...methodRoute(method, 'token'), typed_per_filter_config: filters }
  if (access.public) return [plain]
  return [{ ...signedRoute(method), typed_per_filter_config: { ...limit, ...noToken() } }, plain]
}

function signedRoute(method: OfferedMethod): Json {
  const { match, ...rest } = methodRoute(method, 'signature')
  return {
    match: { ...match, headers: [...match.headers, SAYS_IT_IS_SIGNED] },
    ...rest,
    request_headers_to_remove: [SUBJECT_HEADER],
  }
}

function methodRoute(method: OfferedMethod, provenBy: 'token' | 'signature') {
  return {
    match: { ...pathMatch(method.http.path), headers: [methodIs(method.http.verb)] },
    route: {
      cluster: method.owner,
      ...(method.serverStreaming ? streamTimeouts : unaryTimeouts),
      retry_policy: retryPolicy,
      rate_limits: sharedRateLimits(requestClass(method), provenBy),
    },
    // Without this header a service would see no deadline at all, whatever the route's timeout.
    ...(method.serverStreaming
      ? {}
      : { request_headers_to_add: [overwrite('grpc-timeout', `${SERVICE_TIMEOUT_MS}m`)] }),
  }
}

// A provider sends all its callbacks from one address.
const isAnonymous = (access: ContractMethod['access']): boolean => access.public && !access.signed

/** A path that a service answers itself over HTTP/2, bytes in and bytes out. It authenticates its callers alone. */
function handlerRoute(profile: EdgeProfile, verb: string, path: string, cluster: string): Json {
  return {
    match: { path, headers: [methodIs(verb)] },
    route: { cluster, ...unaryTimeouts, retry_policy: retryPolicy },
    typed_per_filter_config: {
      [ADDRESS_FILTER]: addressRateLimit(profile, 'signedIn'),
      ...nobodyProven(),
      ...without('envoy.filters.http.grpc_json_transcoder'),
    },
  }
}

/** The contracts as OpenAPI, from the file. Its path is known to `localReplies`, which leaves the body alone. */
function openApiDocument({ openApiPath }: EdgeOptions): Json {
  return {
    match: { path: OPENAPI_PATH, headers: [methodIs('GET')] },
    direct_response: { status: 200, body: { filename: openApiPath } },
    typed_per_filter_config: { ...nobodyProven(), ...without('envoy.filters.http.grpc_json_transcoder') },
  }
}

/** CONNECT has no end for which the body's buffer could wait. */
const tunnelRefusal = {
  match: { connect_matcher: {} },
  direct_response: { status: 404 },
  typed_per_filter_config: { ...nobodyProven(), ...without('envoy.filters.http.buffer') },
}

/** Envoy joins two Host headers; RFC 9112 (3.2) has such a request refused, since whoever stands before may have read one. */
const twoHostsRefusal = {
  match: { prefix: '/', headers: [{ name: ':authority', string_match: { contains: ',' } }] },
  direct_response: { status: 400 },
  typed_per_filter_config: { ...nobodyProven(), ...without('envoy.filters.http.grpc_json_transcoder') },
}

/** gRPC is for the mesh. A gRPC client is told so in its own terms, hence with the headers that JSON callers don't get. */
const grpcRefusal = {
  match: { prefix: '/', headers: [{ name: 'content-type', string_match: { prefix: 'application/grpc' } }] },
  direct_response: { status: 415 },
  typed_per_filter_config: {
    ...nobodyProven(),
    ...without('envoy.filters.http.header_mutation'),
  },
}

/**
 * A browser's question before a call. The CORS filter answers it where there is a route to a cluster; the cluster is
 * never asked, since the transcoder knows no OPTIONS.
 */
const preflight = {
  match: {
    prefix: '/',
    headers: [methodIs('OPTIONS'), { name: 'access-control-request-method', present_match: true }],
  },
  route: { cluster: 'intent' },
  typed_per_filter_config: nobodyProven(),
}

const refusal = (match: Json, status: number): Json => ({
  match,
  direct_response: { status },
  typed_per_filter_config: nobodyProven(),
})

function without(filter: string): Json {
  return { [filter]: { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', disabled: true, config: {} } }
}

/** Neither a token nor a signature is asked for. */
function nobodyProven(): Json {
  return { ...noToken(), ...noSignature() }
}

function noToken(): Json {
  return {
    'envoy.filters.http.jwt_authn': {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig',
      disabled: true,
    },
  }
}

const unaryTimeouts = { timeout: `${UNARY_TIMEOUT_MS / 1000}s` }
const streamTimeouts = { timeout: '0s', idle_timeout: `${STREAM_IDLE_MS / 1000}s` }

/** Only what certainly reached nobody is sent again. */
const retryPolicy = { retry_on: 'connect-failure,refused-stream', num_retries: 2 }

function methodIs(verb: string): Json {
  return { name: ':method', string_match: { exact: verb } }
}

const overwrite = (key: string, value: string): Json => ({
  header: { key, value },
  append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
})

/**
 * A path template as a route match: `/v1/intents` is exact, `/v1/{name=intents/*}:watch` becomes a pattern in which a
 * star is one segment without a colon, so that a custom verb is never taken for an id.
 */
export function pathMatch(template: string): Json {
  const flat = template.replace(/\{[^=}]+=([^}]+)\}/g, '$1').replace(/\{[^}]+\}/g, '*')
  if (!flat.includes('*')) return { path: flat }
  const regex = flat
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^/:]+')
  return { safe_regex: { regex } }
}
