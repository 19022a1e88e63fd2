import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CertificateFolder } from './pki.js'
import { testFolder } from './testing.js'

const HOUR_MS = 3_600_000
const T0 = Date.UTC(2030, 0, 1)

const serial = (file: string): string => new X509Certificate(readFileSync(file)).serialNumber

async function issuedAt(folder: string, nowMs: number) {
  return await (await CertificateFolder.open(folder, nowMs)).issuePeer('intent', nowMs)
}

describe('the certificates of a state folder', () => {
  for (const [hours, renewed] of [
    [0, false],
    [11.9, false],
    [12.1, true],
    [48, true],
  ] as const) {
    it(`are ${renewed ? 'renewed' : 'kept'} by a start ${hours} hours later`, async () => {
      const folder = testFolder()
      const first = serial((await issuedAt(folder, T0)).certFile)
      const second = serial((await issuedAt(folder, T0 + hours * HOUR_MS)).certFile)
      assert.equal(first !== second, renewed)
    })
  }

  it('are of the same authority for most of a year, then of a new one that all leafs come from', async () => {
    const folder = testFolder()
    const { caFile } = await issuedAt(folder, T0)
    const first = serial(caFile)
    await issuedAt(folder, T0 + 300 * 24 * HOUR_MS)
    assert.equal(serial(caFile), first)
    const { certFile } = await issuedAt(folder, T0 + 364.5 * 24 * HOUR_MS)
    assert.notEqual(serial(caFile), first)
    const [leaf, ca] = [new X509Certificate(readFileSync(certFile)), new X509Certificate(readFileSync(caFile))]
    assert.ok(leaf.verify(ca.publicKey))
  })

  it('have keys that only their owner reads', async () => {
    const folder = testFolder()
    const { keyFile } = await issuedAt(folder, T0)
    for (const file of [keyFile, join(folder, 'ca.key')]) assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  it('give a public server names and no identity in the mesh', async () => {
    const certificates = await CertificateFolder.open(testFolder(), T0)
    const { certFile } = await certificates.issueServer('public', ['localhost'], T0)
    assert.equal(new X509Certificate(readFileSync(certFile)).subjectAltName, 'DNS:localhost, IP Address:127.0.0.1')
  })
})
