import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EdgeClient } from './edge-client.js'
import { type Mesh, startMesh } from './mesh.js'
import { signInOperator } from './operator.js'
import { LEAF_VALID_MS } from './pki.js'
import { freeMeshPorts } from './ports.js'
import { runStatements } from './postgres.js'
import { seed } from './seed.js'
import { testFolder } from './testing.js'

describe('a running mesh', function () {
  this.timeout(120_000)
  let mesh: Mesh
  before(async () => {
    mesh = await startMesh({ stateFolder: join(testFolder(), 'mesh'), ports: await freeMeshPorts(), durable: false })
    await seed(mesh)
  })
  after(async () => {
    await mesh.stop()
  })

  it('may be seeded again', async () => {
    await seed(mesh)
  })

  it('lets each service into its own database only', async () => {
    const url = new URL(mesh.databaseUrl('rules'))
    url.pathname = '/ledger'
    await assert.rejects(runStatements(url.href, ['select 1']), /permission denied for database "ledger"/)
  })

  it('takes up renewed certificates without a restart', async () => {
    const pid = mesh.edge.pid
    await mesh.renewCertificates(2 * LEAF_VALID_MS)
    const { serialNumber } = new X509Certificate(readFileSync(mesh.tls('edge').certFile))
    while (!(await servedSerials()).includes(serialNumber.toLowerCase())) await delay(50)
    // New connections on both sides: to a service that just started.
    await mesh.service('identity').restart()
    const edge = new EdgeClient(mesh.url)
    while (!(await signsIn(edge))) await delay(50)
    assert.equal(mesh.edge.pid, pid)
    assert.equal(mesh.edge.exit, undefined)
  })

  it('stops also what is just being started, and starts nothing any more', async () => {
    const rules = mesh.service('rules')
    await rules.kill()
    const start = rules.start()
    await mesh.stop()
    await start
    assert.ok(!rules.isRunning)
    await assert.rejects(rules.start(), /of a mesh that was stopped/)
  })

  async function servedSerials(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${mesh.ports.edgeAdmin}/certs`)).text()
  }

  async function signsIn(edge: EdgeClient): Promise<boolean> {
    try {
      await signInOperator(edge, mesh.secrets.operatorPassword)
      return true
    } catch {
      return false // The edge looks once a second whether a service is back.
    }
  }
})
