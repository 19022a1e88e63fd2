import { type EdgeOptions, type Endpoint, type ServiceName } from './edge-options.js'
import { upstreamTls } from './tls.js'

type Json = Record<string, unknown>

/** Name of the cluster of a service's plain HTTP/2 port. */
export const httpCluster = (service: 'identity' | 'connector'): string => `${service}_http`

/** One cluster a service, and one more for each plain HTTP/2 port. */
export function clusters(options: EdgeOptions, probes: ReadonlyMap<ServiceName, string>): Json[] {
  const { ledger, intent, rules, identity, connector } = options.services
  const grpc = Object.entries({ ledger, intent, rules, identity, connector }).map(([name, endpoint]) =>
    cluster(options, name, name, endpoint, probes.get(name as ServiceName)),
  )
  const http = (service: 'identity' | 'connector', { host, httpPort }: EdgeOptions['services']['identity']): Json =>
    cluster(options, httpCluster(service), service, { ...(host === undefined ? {} : { host }), port: httpPort })
  return [...grpc, http('identity', identity), http('connector', connector)]
}

function cluster(options: EdgeOptions, name: string, peer: string, endpoint: Endpoint, probe?: string): Json {
  const address = { socket_address: { address: endpoint.host ?? '127.0.0.1', port_value: endpoint.port } }
  return {
    name,
    type: 'STRICT_DNS',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    // A cluster whose every host is unhealthy answers 503 at once instead of trying hosts known to be gone.
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    circuit_breakers: {
      thresholds: [{ max_connections: 256, max_pending_requests: 1024, max_requests: 4096, max_retries: 64 }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          http2_protocol_options: {
            connection_keepalive: { interval: '30s', timeout: '5s' },
            max_concurrent_streams: 1024,
          },
        },
      },
    },
    transport_socket: upstreamTls(options, peer),
    ...(probe === undefined ? {} : { health_checks: [healthCheck(probe)] }),
  }
}

/**
 * Asks grpc.health.v1 twice a second. Two failures in a row take a host out, so that one answer that is late on a busy
 * machine does not; one success brings it back. A service that drains says NOT_SERVING for longer than two intervals.
 */
function healthCheck(serviceName: string): Json {
  return {
    timeout: '2s',
    interval: '0.5s',
    // The default without traffic is a minute: a service that came back would stay 503 for that long.
    no_traffic_interval: '0.5s',
    no_traffic_healthy_interval: '0.5s',
    unhealthy_threshold: 2,
    healthy_threshold: 1,
    grpc_health_check: { service_name: serviceName },
  }
}
