import { type EdgeOptions } from './edge-options.js'
import { httpFilters } from './http-filters.js'
import { localReplies } from './local-replies.js'
import { type ContractMethod, type HttpRule } from './public-methods.js'
import { routes } from './routes.js'
import { downstreamTls } from './tls.js'

type Json = Record<string, unknown>

const OPENAPI_BYTES_MAX = 2_097_152

/** The two public listeners: the same API over HTTP and HTTPS. */
export function listeners(options: EdgeOptions, methods: readonly (ContractMethod & { http: HttpRule })[]): Json[] {
  const filter = connectionManager(options, methods)
  return [
    listener('http', options, options.httpPort, { filters: [filter] }),
    listener('https', options, options.httpsPort, { filters: [filter], transport_socket: downstreamTls(options) }),
  ]
}

const listener = (name: string, { listenAddress }: EdgeOptions, port: number, chain: Json): Json => ({
  name,
  address: { socket_address: { address: listenAddress, port_value: port } },
  per_connection_buffer_limit_bytes: 1_048_576,
  filter_chains: [chain],
})

function connectionManager(options: EdgeOptions, methods: readonly (ContractMethod & { http: HttpRule })[]): Json {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'public',
      codec_type: 'AUTO',
      ...hardening,
      early_header_mutation_extensions: [stripSpoofableHeaders],
      access_log: [accessLog],
      local_reply_config: localReplies(),
      http_filters: httpFilters(options, methods),
      route_config: {
        name: 'public',
        max_direct_response_body_size_bytes: OPENAPI_BYTES_MAX,
        // Whose address it is, for limits that a service keeps itself. Clients' own were stripped.
        request_headers_to_add: [
          {
            header: { key: 'x-paymesh-client-address', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' },
            append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
          },
        ],
        virtual_hosts: [
          {
            name: 'public',
            domains: ['*'],
            routes: routes(options, methods),
            typed_per_filter_config: { 'envoy.filters.http.cors': corsPolicy(options.corsOrigins) },
          },
        ],
      },
    },
  }
}

const hardening = {
  server_name: 'paymesh',
  use_remote_address: true,
  always_set_request_id_in_response: true,
  normalize_path: true,
  merge_slashes: true,
  path_with_escaped_slashes_action: 'REJECT_REQUEST',
  strip_any_host_port: true,
  max_request_headers_kb: 32,
  stream_idle_timeout: '60s',
  request_timeout: '30s',
  request_headers_timeout: '10s',
  common_http_protocol_options: {
    idle_timeout: '300s',
    max_headers_count: 64,
    headers_with_underscores_action: 'REJECT_REQUEST',
  },
  http2_protocol_options: {
    max_concurrent_streams: 100,
    initial_stream_window_size: 65_536,
    initial_connection_window_size: 1_048_576,
  },
}

/** Headers by which the edge speaks to services. Whatever a client puts there is gone before the first filter. */
const stripSpoofableHeaders = {
  name: 'envoy.http.early_header_mutation.header_mutation',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
    mutations: [
      { remove_on_match: { key_matcher: { prefix: 'x-paymesh-' } } },
      { remove_on_match: { key_matcher: { prefix: 'grpc-' } } },
      { remove: 'traceparent' },
      { remove: 'tracestate' },
      { remove: 'baggage' },
    ],
  },
}

/** One JSON line a request. The query string and every credential stay out. */
const accessLog = {
  name: 'envoy.access_loggers.stdout',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
    log_format: {
      json_format: {
        time: '%START_TIME%',
        method: '%REQ(:METHOD)%',
        path: '%PATH(NQ:ORIG_OR_PATH)%',
        protocol: '%PROTOCOL%',
        status: '%RESPONSE_CODE%',
        details: '%RESPONSE_CODE_DETAILS%',
        flags: '%RESPONSE_FLAGS%',
        duration_ms: '%DURATION%',
        bytes_received: '%BYTES_RECEIVED%',
        bytes_sent: '%BYTES_SENT%',
        upstream: '%UPSTREAM_CLUSTER%',
        remote: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
        request_id: '%REQ(X-REQUEST-ID)%',
      },
    },
  },
}

const corsPolicy = (origins: readonly string[]): Json => ({
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy',
  allow_origin_string_match: origins.map((origin) => ({ exact: origin })),
  allow_methods: 'GET, POST, PUT, PATCH, DELETE',
  allow_headers: 'authorization, content-type',
  expose_headers: 'idempotent-replay, retry-after, x-request-id',
  max_age: '600',
})
