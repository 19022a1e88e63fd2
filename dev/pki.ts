// The mesh's certificates on one machine: a CA, and a leaf per peer whose SPIFFE id is its identity. In production they
// come from elsewhere (cert-manager); nothing but the launcher and the tests uses this file.
import 'reflect-metadata' // must come before x509, whose container of parts reads it
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TlsFiles } from '../services/runtime/mesh-credentials.js'
import { replaceFile } from './replace-file.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** How long a leaf is valid. */
export const LEAF_VALID_MS = DAY_MS
const CA_VALID_MS = 365 * DAY_MS
// What would run out within half its life is renewed, at a start and while the mesh runs.
const RENEW_WITHIN_MS = LEAF_VALID_MS / 2
// Clocks of containers and their hosts differ a little.
const CLOCK_SKEW_MS = 5 * 60_000
const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

interface Authority {
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
}

/** What a leaf says about its holder. */
interface LeafNames {
  readonly commonName: string
  readonly spiffeId?: string
  readonly dns: readonly string[]
}

/** A certificate authority that keeps itself and what it issues as PEM files in one folder. */
export class CertificateFolder {
  readonly #folder: string
  readonly #authority: Authority

  private constructor(folder: string, authority: Authority) {
    this.#folder = folder
    this.#authority = authority
  }

  /** Opens the authority in the folder; makes one when there is none, or when it ends within a day. */
  static async open(folder: string, nowMs: number): Promise<CertificateFolder> {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const [certFile, keyFile] = [join(folder, 'ca.crt'), join(folder, 'ca.key')]
    if (!isValidAt(certFile, nowMs + LEAF_VALID_MS)) {
      const { certificate, keys } = await makeAuthority(nowMs)
      await writePair(certFile, certificate, keyFile, keys.privateKey)
    }
    const certificate = new x509.X509Certificate(readFileSync(certFile, 'utf8'))
    return new CertificateFolder(folder, { certificate, key: await readKey(keyFile) })
  }

  get caFile(): string {
    return join(this.#folder, 'ca.crt')
  }

  /** The files of a peer, by its SPIFFE id `spiffe://paymesh/{peer}`; renewed when they end within the given time. */
  async issuePeer(peer: string, nowMs: number, renewWithinMs = RENEW_WITHIN_MS): Promise<TlsFiles> {
    const names = { commonName: peer, spiffeId: `spiffe://paymesh/${peer}`, dns: [peer, 'localhost'] }
    return await this.#issue(names, nowMs, renewWithinMs)
  }

  /** The files of a public server: names, and no identity in the mesh. */
  async issueServer(name: string, dns: readonly string[], nowMs: number): Promise<TlsFiles> {
    return await this.#issue({ commonName: name, dns }, nowMs, RENEW_WITHIN_MS)
  }

  async #issue(names: LeafNames, nowMs: number, renewWithinMs: number): Promise<TlsFiles> {
    const certFile = join(this.#folder, `${names.commonName}.crt`)
    const keyFile = join(this.#folder, `${names.commonName}.key`)
    if (!isValidAt(certFile, nowMs + renewWithinMs) || !this.#hasIssued(certFile)) {
      const { certificate, key } = await makeLeaf(this.#authority, names, nowMs)
      await writePair(certFile, certificate, keyFile, key)
    }
    return { certFile, keyFile, caFile: this.caFile }
  }

  #hasIssued(certFile: string): boolean {
    const leaf = new x509.X509Certificate(readFileSync(certFile, 'utf8'))
    const issuerKey = leaf.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId
    return issuerKey === this.#authority.certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId
  }
}

async function makeAuthority(nowMs: number) {
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Paymesh development CA',
    notBefore: new Date(nowMs - CLOCK_SKEW_MS),
    notAfter: new Date(nowMs + CA_VALID_MS),
    signingAlgorithm: ECDSA_P256,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, keys }
}

async function makeLeaf(authority: Authority, names: LeafNames, nowMs: number) {
  const keys = await makeKeys()
  const san: x509.JsonGeneralNames = [
    ...names.dns.map((value) => ({ type: 'dns', value }) as const),
    { type: 'ip', value: '127.0.0.1' },
  ]
  // First, because grpc-js prints the names in this order and people read the first.
  if (names.spiffeId !== undefined) san.unshift({ type: 'url', value: names.spiffeId })
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${names.commonName}`,
    issuer: authority.certificate.subjectName,
    notBefore: new Date(nowMs - CLOCK_SKEW_MS),
    notAfter: new Date(nowMs + LEAF_VALID_MS),
    signingAlgorithm: ECDSA_P256,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(san),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  })
  return { certificate, key: keys.privateKey }
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
}

function isValidAt(certFile: string, timeMs: number): boolean {
  return existsSync(certFile) && new x509.X509Certificate(readFileSync(certFile, 'utf8')).notAfter.getTime() > timeMs
}

async function readKey(keyFile: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(readFileSync(keyFile, 'utf8'))
  return await webcrypto.subtle.importKey('pkcs8', der, ECDSA_P256, false, ['sign'])
}

// The key goes first: a certificate that stands has its key beside it, also when the process dies in between.
async function writePair(
  certFile: string,
  certificate: x509.X509Certificate,
  keyFile: string,
  key: webcrypto.CryptoKey,
) {
  const der = await webcrypto.subtle.exportKey('pkcs8', key)
  replaceFile(keyFile, `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`, 0o600)
  replaceFile(certFile, `${certificate.toString('pem')}\n`, 0o644)
}
