import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { RoleServiceService } from '../../gen/paymesh/identity/v1/role_service.js'
import { LedgerAdminServiceService } from '../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type Mesh } from '../../dev/mesh.js'
import { createClient } from '../runtime/client.js'
import { Api } from './api.js'
import { z } from 'zod'

export async function seedMesh(mesh: Mesh): Promise<{ operator: { email: string; password: string } }> {
  const ledger = createClient(LedgerAdminServiceService, {
    address: `localhost:${mesh.ports.ledger.grpc}`,
    peer: 'ledger',
    tls: mesh.tls('operator'),
    serviceConfig: 'proto/paymesh/ledger/v1/ledger_service_config.json',
  })
  for (const assetCode of ['THB', 'USD'])
    await ledger.createAsset({ asset: { name: '', assetCode, scale: 2, ledger: 0 } })
  ledger.close()
  const root = join(import.meta.dirname, '../../..')
  await promisify(execFile)(
    process.execPath,
    [join(root, 'dist/services/rules/publish.js'), join(root, 'services/rules/default-rule-set.json')],
    { env: { ...process.env, DATABASE_URL: mesh.databaseUrl('rules') } },
  )
  const email = `operator-${randomUUID()}@example.com`
  const password = randomUUID()
  const api = new Api(mesh.url)
  const user = await api.ok(
    'POST',
    '/v1/users',
    { user: { email }, password },
    'user',
    z.looseObject({ name: z.string() }),
  )
  const roles = createClient(RoleServiceService, {
    address: `localhost:${mesh.ports.identity.grpc}`,
    peer: 'identity',
    tls: mesh.tls('operator'),
    serviceConfig: 'proto/paymesh/identity/v1/identity_service_config.json',
  })
  await roles.grantRole({ user: user.name, role: 'operator' })
  roles.close()
  return { operator: { email, password } }
}
