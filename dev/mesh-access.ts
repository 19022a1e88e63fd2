import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockHolder } from '#lock'
import { type TlsFiles } from '../services/runtime/mesh-credentials.js'
import { type PeerName } from '../services/runtime/peer-identity.js'
import { LaunchError } from './launch-error.js'
import { notificationFile } from './notifications.js'
import { fixedPorts, type MeshPorts, type PortChoices } from './ports.js'
import { replaceFile } from './replace-file.js'
import { openSecrets, type Secrets } from './secrets.js'

/** What it takes to use a running mesh as its owner. */
export interface MeshAccess {
  /** The public address, without a slash at the end. */
  readonly url: string
  readonly ports: MeshPorts
  readonly secrets: Secrets
  /** Where Identity writes what people are told, such as codes. */
  readonly notificationFile: string
  tls(peer: PeerName): TlsFiles
}

/** The lock that the launcher of a state folder holds while it runs. */
export function launcherLock(stateFolder: string): string {
  return join(stateFolder, 'up.lock')
}

/** Writes down where the mesh of the state folder listens, for `openRunningMesh`. */
export function writePortChoices(stateFolder: string, choices: PortChoices): void {
  replaceFile(join(stateFolder, 'ports.json'), JSON.stringify(choices), 0o644)
}

/** Access to the mesh that another process runs in the state folder; fails with a LaunchError when none is up. */
export function openRunningMesh(stateFolder: string): MeshAccess {
  if (lockHolder(launcherLock(stateFolder)) === undefined) {
    throw new LaunchError('The mesh is not up. Start it in another terminal with `make up`.')
  }
  const choices = JSON.parse(readFileSync(join(stateFolder, 'ports.json'), 'utf8')) as PortChoices
  const tls = (peer: PeerName): TlsFiles => ({
    certFile: join(stateFolder, 'tls', `${peer}.crt`),
    keyFile: join(stateFolder, 'tls', `${peer}.key`),
    caFile: join(stateFolder, 'tls', 'ca.crt'),
  })
  return {
    url: `http://localhost:${choices.edgeHttp}`,
    ports: fixedPorts(choices),
    secrets: openSecrets(stateFolder),
    notificationFile: notificationFile(stateFolder),
    tls,
  }
}
