// The five services as the launcher sees them: their names, and the environment that each is started with.
import { type TlsFiles } from '../services/runtime/mesh-credentials.js'
import { type MeshPorts, PROVIDERS, type ServicePorts } from './ports.js'
import { providerAccess } from './provider-process.js'
import { keyFor, type Secrets } from './secrets.js'

/** In the order of need: nothing asks one that stands after it. */
export const SERVICES = ['ledger', 'rules', 'identity', 'connector', 'intent'] as const
/** A service of the mesh. */
export type ServiceName = (typeof SERVICES)[number]
/** Variables of a process. */
export type Environment = Readonly<Record<string, string>>

/** What people call the services. */
export const SERVICE_TITLES: Readonly<Record<ServiceName, string>> = {
  ledger: 'Ledger',
  rules: 'Rules',
  identity: 'Identity',
  connector: 'Connector',
  intent: 'Intent',
}

/** Whom access tokens are for. */
export const TOKEN_AUDIENCE = 'paymesh'

/** Whom access tokens are from: the edge's address, below which discovery is found. */
export function tokenIssuer(ports: MeshPorts): string {
  return `http://localhost:${ports.edgeHttp}`
}

/** What a service's environment is made of. */
export interface EnvironmentParts {
  readonly ports: MeshPorts
  readonly secrets: Secrets
  readonly tls: TlsFiles
  readonly databaseUrl: string
  readonly valkeyUrl: string
  /** Where Identity writes what people are told. */
  readonly notificationFile: string
}

/** The environment of a service. */
export function serviceEnvironment(service: ServiceName, parts: EnvironmentParts): Environment {
  return { ...sharedEnvironment(parts.ports[service], parts), ...ownEnvironment(service, parts) }
}

function sharedEnvironment(ports: ServicePorts, { tls, databaseUrl }: EnvironmentParts): Environment {
  return {
    ENVIRONMENT: 'development',
    LISTEN_ADDRESS: `127.0.0.1:${ports.grpc}`,
    ADMIN_ADDRESS: `127.0.0.1:${ports.admin}`,
    TLS_CERT_FILE: tls.certFile,
    TLS_KEY_FILE: tls.keyFile,
    TLS_CA_FILE: tls.caFile,
    DATABASE_URL: databaseUrl,
  }
}

function ownEnvironment(service: ServiceName, parts: EnvironmentParts): Environment {
  const { ports, secrets, valkeyUrl, notificationFile } = parts
  switch (service) {
    case 'ledger':
      return {}
    case 'rules':
      return { VALKEY_URL: valkeyUrl }
    case 'identity':
      return {
        HTTP_ADDRESS: `127.0.0.1:${ports.identity.http}`,
        TOKEN_ISSUER: tokenIssuer(ports),
        TOKEN_AUDIENCE,
        KEY_ENCRYPTION_KEYS: `dev-1:${secrets.keyEncryptionKey}`,
        BLIND_INDEX_KEY: secrets.blindIndexKey,
        NOTIFICATION_FILE: notificationFile,
      }
    case 'connector':
      return { HTTP_ADDRESS: `127.0.0.1:${ports.connector.http}`, ILP_ADDRESS: 'test.paymesh' }
    case 'intent':
      return {
        LEDGER_ADDRESS: `localhost:${ports.ledger.grpc}`,
        RULES_ADDRESS: `localhost:${ports.rules.grpc}`,
        VALKEY_URL: valkeyUrl,
        KEY_ENCRYPTION_KEYS: `dev-1:${keyFor('intent', secrets)}`,
        // So that whoever tries webhooks may listen on this machine.
        WEBHOOK_NETWORKS: '127.0.0.0/8,::1/128',
        ...providerEnvironment(ports, secrets),
      }
  }
}

/** The simulated providers that carry out payments to the outside. */
function providerEnvironment(ports: MeshPorts, secrets: Secrets): Environment {
  const variables = PROVIDERS.flatMap((name) => {
    const { key, callbackSecret } = providerAccess(name, secrets)
    const prefix = name.toUpperCase()
    return [
      [`${prefix}_URL`, `http://127.0.0.1:${ports.providers[name]}`],
      [`${prefix}_KEY`, key],
      [`${prefix}_CALLBACK_SECRET`, callbackSecret],
      [`${prefix}_CALLBACK_URL`, `http://127.0.0.1:${ports.edgeHttp}/v1/providers/${name}/callbacks`],
    ] as const
  })
  return Object.fromEntries(variables)
}
