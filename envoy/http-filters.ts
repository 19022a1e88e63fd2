import { httpCluster } from './clusters.js'
import { type EdgeOptions } from './edge-options.js'
import { type ContractMethod } from './public-methods.js'
import { rateLimitFilters, sharedRateLimitFilter } from './rate-limits.js'
import { signatureFilter } from './signatures.js'

type Json = Record<string, unknown>

/** The largest request body, JSON or packet. */
export const BODY_BYTES_MAX = 65_536

/** What a request passes, in order; an answer passes in reverse. */
export function httpFilters(options: EdgeOptions, methods: readonly ContractMethod[]): Json[] {
  return [
    stripGrpcFromAnswers,
    healthCheck,
    { name: 'envoy.filters.http.cors', typed_config: { '@type': filterType('cors', 'Cors') } },
    ...rateLimitFilters(options.profile),
    jwt(options),
    // The transcoder's own limit does not bound JSON; this one bounds everything, with a clean 413.
    {
      name: 'envoy.filters.http.buffer',
      typed_config: { '@type': filterType('buffer', 'Buffer'), max_request_bytes: BODY_BYTES_MAX },
    },
    signatureFilter(BODY_BYTES_MAX),
    sharedRateLimitFilter,
    transcoder(options, methods),
    {
      name: 'envoy.filters.http.router',
      typed_config: { '@type': filterType('router', 'Router'), suppress_envoy_headers: true },
    },
  ]
}

const filterType = (filter: string, message: string): string =>
  `type.googleapis.com/envoy.extensions.filters.http.${filter}.v3.${message}`

/** JSON callers have no use for gRPC's own headers, and they tell what is behind. */
const stripGrpcFromAnswers = {
  name: 'envoy.filters.http.header_mutation',
  typed_config: {
    '@type': filterType('header_mutation', 'HeaderMutation'),
    mutations: {
      response_mutations: [
        ...['grpc-status', 'grpc-message', 'grpc-status-details-bin', 'grpc-encoding', 'grpc-accept-encoding'].map(
          (header) => ({ remove: header }),
        ),
        ...Object.entries({
          'x-content-type-options': 'nosniff',
          'cache-control': 'no-store',
        }).map(([key, value]) => ({ append: { header: { key, value }, append_action: 'ADD_IF_ABSENT' } })),
      ],
    },
  },
}

/** `GET /healthz`: 200 while payments and sign-in can be served, for whatever balances load before the edge. */
const healthCheck = {
  name: 'envoy.filters.http.health_check',
  typed_config: {
    '@type': filterType('health_check', 'HealthCheck'),
    pass_through_mode: false,
    headers: [{ name: ':path', string_match: { exact: '/healthz' } }],
    cluster_min_healthy_percentages: { intent: { value: 1 }, identity: { value: 1 } },
  },
}

/**
 * Every route requires a token unless the route itself says otherwise. The verified payload goes to the service as
 * `x-paymesh-claims`; the token itself stays here.
 */
function jwt(options: EdgeOptions): Json {
  return {
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': filterType('jwt_authn', 'JwtAuthentication'),
      providers: {
        identity: {
          issuer: options.tokenIssuer,
          audiences: [options.tokenAudience],
          require_expiration: true,
          // Named, because the default also takes a token from the query, where logs would keep it.
          from_headers: ['Bearer ', 'bearer '].map((prefix) => ({ name: 'authorization', value_prefix: prefix })),
          forward: false,
          forward_payload_header: 'x-paymesh-claims',
          payload_in_metadata: 'payload',
          clock_skew_seconds: 5,
          remote_jwks: {
            http_uri: {
              uri: 'https://identity/.well-known/jwks.json',
              cluster: httpCluster('identity'),
              timeout: '2s',
            },
            cache_duration: '60s',
            async_fetch: {},
            retry_policy: { num_retries: 3 },
          },
        },
      },
      rules: [{ match: { prefix: '/' }, requires: { provider_name: 'identity' } }],
    },
  }
}

function transcoder(options: EdgeOptions, methods: readonly ContractMethod[]): Json {
  return {
    name: 'envoy.filters.http.grpc_json_transcoder',
    typed_config: {
      '@type': filterType('grpc_json_transcoder', 'GrpcJsonTranscoder'),
      proto_descriptor: options.descriptorPath,
      services: [...new Set(methods.map((method) => method.service))],
      // Filters before the transcoder then see the route of the JSON request, and what has no route is refused.
      match_incoming_request_route: true,
      match_unregistered_custom_verb: true,
      convert_grpc_status: true,
      max_request_body_size: BODY_BYTES_MAX,
      max_response_body_size: 4_194_304,
      print_options: { stream_sse_style_delimited: true },
      request_validation_options: {
        reject_unknown_method: true,
        reject_unknown_query_parameters: true,
        reject_binding_body_field_collisions: true,
      },
    },
  }
}
