import tls from 'node:tls'
import { type ChannelCredentials, experimental, type ServerCredentials } from '@grpc/grpc-js'
import { type PeerName, spiffeUri, uriSanOf } from './peer-identity.js'

/** The PEM files of a mesh peer. They are read again when they change, so certificates rotate without a restart. */
export interface TlsFiles {
  certFile: string
  keyFile: string
  caFile: string
}

// grpc-js has no setting for it. TLS 1.3 also rules out renegotiation, so who a connection belongs to is settled once.
tls.DEFAULT_MIN_VERSION = 'TLSv1.3'

// A rotated certificate is picked up by new connections within this time; old connections end by their maximum age.
const refreshIntervalMs = 10_000

type CertificateProvider = experimental.FileWatcherCertificateProvider

function certificateProvider({ certFile, keyFile, caFile }: TlsFiles): CertificateProvider {
  return new experimental.FileWatcherCertificateProvider({
    certificateFile: certFile,
    privateKeyFile: keyFile,
    caCertificateFile: caFile,
    refreshIntervalMs,
  })
}

/**
 * Credentials of a server that accepts only clients with a certificate of the mesh's authority. Resolves once the files
 * are read: until then grpc-js would drop connections. Rejects when one cannot be read.
 */
export async function serverCredentials(files: TlsFiles): Promise<ServerCredentials> {
  const provider = certificateProvider(files)
  await loaded(provider, files)
  return experimental.createCertificateProviderServerCredentials(provider, provider, true)
}

async function loaded(provider: CertificateProvider, { certFile, keyFile, caFile }: TlsFiles): Promise<void> {
  const [authority, identity] = await Promise.all([
    new Promise<object | null>((resolve) => {
      const listener = (update: object | null): void => {
        provider.removeCaCertificateListener(listener)
        resolve(update)
      }
      provider.addCaCertificateListener(listener)
    }),
    new Promise<object | null>((resolve) => {
      const listener = (update: object | null): void => {
        // Its last listener gone, the provider stops its timer; one left here would keep a process alive for ever.
        provider.removeIdentityCertificateListener(listener)
        resolve(update)
      }
      provider.addIdentityCertificateListener(listener)
    }),
  ])
  if (authority === null) throw new Error(`The certificate authority ${caFile} cannot be read.`)
  if (identity === null) throw new Error(`The certificate ${certFile} or its key ${keyFile} cannot be read.`)
}

/**
 * Credentials of a client that talks to `peer` and to nobody else: the server's one URI SAN must be the peer's SPIFFE
 * id. Host names are not compared; in a mesh they say where a peer runs, not who it is.
 */
export function clientCredentials(files: TlsFiles, peer: PeerName): ChannelCredentials {
  const provider = certificateProvider(files)
  const expected = spiffeUri(peer)
  return experimental.createCertificateProviderChannelCredentials(provider, provider, {
    checkServerIdentity: (_host, certificate) => {
      const uri = uriSanOf(certificate.subjectaltname)
      return uri === expected ? undefined : new Error(`The server is ${uri ?? 'nobody of the mesh'}, not ${expected}.`)
    },
  })
}
