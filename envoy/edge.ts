import { clusters } from './clusters.js'
import { type EdgeOptions, type ServiceName } from './edge-options.js'
import { listeners } from './listeners.js'
import { publicMethods } from './public-methods.js'

type Json = Record<string, unknown>

/**
 * The edge's whole configuration as Envoy's bootstrap, ready for JSON. What is reachable from outside, and who must
 * sign in for it, is read from the contracts; nothing is listed twice.
 */
export function edgeConfig(options: EdgeOptions): Json {
  const methods = publicMethods()
  const probes = new Map<ServiceName, string>(methods.map(({ owner, service }) => [owner, service]))
  return {
    node: { id: 'edge', cluster: 'paymesh' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: options.adminPort } } },
    static_resources: { listeners: listeners(options, methods), clusters: clusters(options, probes) },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            max_active_downstream_connections: 10_000,
          },
        },
      ],
    },
  }
}
