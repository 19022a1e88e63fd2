import { type ChannelCredentials, experimental, type ServerCredentials } from '@grpc/grpc-js'
import { type PeerName, spiffeUri, uriSanOf } from './peer-identity.js'

/** The PEM files of a mesh peer. They are read again when they change, so certificates rotate without a restart. */
export interface TlsFiles {
  certFile: string
  keyFile: string
  caFile: string
}

// A rotated certificate is picked up by new connections within this time; old connections end by their maximum age.
const refreshIntervalMs = 10_000

function certificateProvider({ certFile, keyFile, caFile }: TlsFiles) {
  return new experimental.FileWatcherCertificateProvider({
    certificateFile: certFile,
    privateKeyFile: keyFile,
    caCertificateFile: caFile,
    refreshIntervalMs,
  })
}

/** Credentials of a server that accepts only clients with a certificate of the mesh's authority. */
export function serverCredentials(tls: TlsFiles): ServerCredentials {
  const provider = certificateProvider(tls)
  return experimental.createCertificateProviderServerCredentials(provider, provider, true)
}

/**
 * Credentials of a client that talks to `peer` and to nobody else: the server's one URI SAN must be the peer's SPIFFE
 * id. Host names are not compared; in a mesh they say where a peer runs, not who it is.
 */
export function clientCredentials(tls: TlsFiles, peer: PeerName): ChannelCredentials {
  const provider = certificateProvider(tls)
  const expected = spiffeUri(peer)
  return experimental.createCertificateProviderChannelCredentials(provider, provider, {
    checkServerIdentity: (_host, certificate) => {
      const uri = uriSanOf(certificate.subjectaltname)
      return uri === expected ? undefined : new Error(`The server is ${uri ?? 'nobody of the mesh'}, not ${expected}.`)
    },
  })
}
