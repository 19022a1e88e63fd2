import { join } from 'node:path'
import { type EdgeOptions } from './edge-options.js'

type Json = Record<string, unknown>

const tlsType = (context: string): string => `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${context}`

/** A secret in a file of its own; Envoy loads it anew when the folder behind it is swapped. */
const secret = (options: EdgeOptions, name: string): Json => ({
  name,
  sds_config: { path_config_source: { path: join(options.sdsFolder, `${name}.yaml`) }, resource_api_version: 'V3' },
})

/** Mutual TLS to one service: its certificate must carry exactly its SPIFFE id. */
export function upstreamTls(options: EdgeOptions, peer: string): Json {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': tlsType('UpstreamTlsContext'),
      sni: peer,
      common_tls_context: {
        alpn_protocols: ['h2'],
        // The client's default maximum is TLS 1.2, so the minimum alone would leave no version at all.
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        tls_certificate_sds_secret_configs: [secret(options, 'edge_cert')],
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: `spiffe://paymesh/${peer}` } }],
          },
          validation_context_sds_secret_config: secret(options, 'mesh_ca'),
        },
      },
    },
  }
}

/** TLS towards the public. */
export function downstreamTls(options: EdgeOptions): Json {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': tlsType('DownstreamTlsContext'),
      common_tls_context: {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
        tls_certificate_sds_secret_configs: [secret(options, 'public_cert')],
      },
    },
  }
}
