// What a new mesh needs before its first payment. Everything here may be done again and then changes nothing.
import { type ServiceDefinition } from '@grpc/grpc-js'
import { join } from 'node:path'
import { CreatePeerRequest, PeerServiceService } from '../gen/paymesh/connector/v1/peer_service.js'
import { GrantRoleRequest, RoleServiceService } from '../gen/paymesh/identity/v1/role_service.js'
import { CreateAssetRequest, LedgerAdminServiceService } from '../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type Client, createClient } from '../services/runtime/client.js'
import { checkout } from './checkout.js'
import { EdgeClient } from './edge-client.js'
import { type Mesh } from './mesh.js'
import { type MeshAccess } from './mesh-access.js'
import { ensureOperator } from './operator.js'

/** The assets of a new mesh, each with the number of decimals of its minor unit. */
const ASSETS = [
  { assetCode: 'THB', scale: 2 },
  { assetCode: 'USD', scale: 2 },
]

/** Publishes the default rule set, defines the assets, makes the operator user and the Interledger peer `demo`. */
export async function seed(mesh: Mesh): Promise<void> {
  await mesh.service('rules').run('publish', [join(checkout, 'services', 'rules', 'default-rule-set.json')])
  await createAssets(mesh)
  await createDemoPeer(mesh)
  const operator = await ensureOperator(new EdgeClient(mesh.url), mesh.secrets.operatorPassword)
  await using(operatorClient(mesh, 'identity', RoleServiceService), (roles) =>
    roles.grantRole(GrantRoleRequest.fromPartial({ user: operator, role: 'operator' })),
  )
}

async function createAssets(mesh: Mesh): Promise<void> {
  await using(operatorClient(mesh, 'ledger', LedgerAdminServiceService), async (ledger) => {
    for (const asset of ASSETS) await ledger.createAsset(CreateAssetRequest.fromPartial({ asset }))
  })
}

async function createDemoPeer(mesh: Mesh): Promise<void> {
  const request = CreatePeerRequest.fromPartial({
    peerId: 'demo',
    peer: { assetCode: 'THB', assetScale: 2 },
    incomingToken: mesh.secrets.demoPeerToken,
  })
  await using(operatorClient(mesh, 'connector', PeerServiceService), (peers) => peers.createPeer(request))
}

/** A client with the operator's certificate. Close it. */
export function operatorClient<S extends ServiceDefinition>(
  mesh: MeshAccess,
  service: 'ledger' | 'identity' | 'connector' | 'intent',
  definition: S,
): Client<S> {
  return createClient(definition, {
    address: `localhost:${mesh.ports[service].grpc}`,
    peer: service,
    tls: mesh.tls('operator'),
    serviceConfig: `proto/paymesh/${service}/v1/${service}_service_config.json`,
  })
}

async function using<C extends { close(): void }>(client: C, work: (client: C) => Promise<unknown>): Promise<void> {
  try {
    await work(client)
  } finally {
    client.close()
  }
}
