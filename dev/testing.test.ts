import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, connect, type TLSSocket } from 'node:tls'
import { Redis } from 'ioredis'
import pg from 'pg'
import { freePort, testCertificates, testDatabase, testValkeyUrl } from './testing.js'

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

describe('the test environment', () => {
  it('gives each caller a database of PostgreSQL 18 that its service owns and nobody else writes', async () => {
    const [one, other] = await Promise.all([testDatabase('connector'), testDatabase('connector')])
    await query(one, 'create table only_in_one (x int)')
    const seen = await query(other, "select to_regclass('only_in_one') as found, current_user as role")
    assert.deepEqual(seen, [{ found: null, role: 'connector' }])
    const [{ server_version: version } = {}] = await query(one, 'show server_version')
    assert.match(String(version), /^18\./)
  })

  it('gives each caller a Valkey database of its own', async () => {
    const [one, other] = [new Redis(await testValkeyUrl()), new Redis(await testValkeyUrl())]
    try {
      await one.set('key', 'value')
      assert.equal(await other.get('key'), null)
    } finally {
      one.disconnect()
      other.disconnect()
    }
  })

  it('gives certificates that name the peer as a SPIFFE id, last a day and are of P-256', async () => {
    const certificates = await testCertificates()
    const leaf = new X509Certificate(readFileSync(certificates.of('ledger').certFile))
    assert.equal(leaf.subjectAltName, 'URI:spiffe://paymesh/ledger, DNS:ledger, DNS:localhost, IP Address:127.0.0.1')
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
    const hours = (Date.parse(leaf.validTo) - Date.now()) / 3_600_000
    assert.ok(hours > 23.9 && hours <= 24, `valid for ${hours} h`)
    const ca = new X509Certificate(readFileSync(certificates.of('ledger').caFile))
    assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  })

  for (const [who, accepted] of [
    ['intent', true],
    ['stranger', true],
    ['another CA', false],
  ] as const) {
    it(`a server of the mesh ${accepted ? 'takes' : 'refuses'} the certificate of ${who} in the handshake`, async () => {
      const certificates = await testCertificates()
      const client = who === 'another CA' ? certificates.foreignCa() : certificates.of(who)
      assert.equal(await handshake(client, certificates.of('ledger')), accepted)
    })
  }
})

interface Files {
  certFile: string
  keyFile: string
  caFile: string
}

async function handshake(client: Files, server: Files): Promise<boolean> {
  const options = (files: Files) => ({
    cert: readFileSync(files.certFile),
    key: readFileSync(files.keyFile),
    ca: readFileSync(files.caFile),
    minVersion: 'TLSv1.3' as const,
  })
  const port = await freePort()
  const listener = createServer({ ...options(server), requestCert: true, rejectUnauthorized: true }, (socket) => {
    socket.end('welcome')
  })
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve))
  try {
    return await new Promise((resolve) => {
      const socket: TLSSocket = connect({ ...options(client), port, host: 'localhost' })
      // In TLS 1.3 the client learns of a refusal only when it reads.
      socket.once('data', () => {
        resolve(true)
      })
      for (const refusal of ['error', 'close']) {
        socket.once(refusal, () => {
          resolve(false)
        })
      }
    })
  } finally {
    listener.close()
  }
}
