/** What differs between one edge and another. Everything else about the edge is in this folder and the contracts. */
export interface EdgeOptions {
  /** Address that the public listeners bind, such as `0.0.0.0`. */
  readonly listenAddress: string
  readonly httpPort: number
  readonly httpsPort: number
  /** Envoy's own administration; always on 127.0.0.1. */
  readonly adminPort: number
  readonly services: EdgeServices
  /** The descriptor image of the contracts, `gen/paymesh.binpb`. */
  readonly descriptorPath: string
  /** The document of the public API, `docs/openapi.json`. */
  readonly openApiPath: string
  /** Folder of the SDS files `edge_cert.yaml`, `mesh_ca.yaml` and `public_cert.yaml`. */
  readonly sdsFolder: string
  /** The `iss` that access tokens must carry. */
  readonly tokenIssuer: string
  /** The `aud` that access tokens must carry. */
  readonly tokenAudience: string
  readonly profile: EdgeProfile
  /** Origins whose pages may call the API, exactly as browsers send them. Empty: none. */
  readonly corsOrigins: readonly string[]
}

/** `public` has the limits of a public endpoint; `demo` raises them so that one machine can play many users. */
export type EdgeProfile = 'demo' | 'public'

/** Where a service is reached. */
export interface Endpoint {
  readonly host?: string
  readonly port: number
}

/** A service that also answers plain HTTP/2, on a port of its own. */
export interface EndpointWithHttp extends Endpoint {
  readonly httpPort: number
}

export interface EdgeServices {
  readonly ledger: Endpoint
  readonly intent: Endpoint
  readonly rules: Endpoint
  readonly identity: EndpointWithHttp
  readonly connector: EndpointWithHttp
}

export type ServiceName = keyof EdgeServices

export const SERVICE_NAMES = [
  'ledger',
  'intent',
  'rules',
  'identity',
  'connector',
] as const satisfies readonly ServiceName[]
