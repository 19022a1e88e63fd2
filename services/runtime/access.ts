import { type DescExtension, type DescMethod, getOption, hasOption, isMessage, toBinary } from '@bufbuild/protobuf'
import { Access, AuthLevel } from '../../gen/paymesh/access/v1/access.js'
import type { Caller, Subject } from './call.js'
import { descriptorImage } from './descriptor-image.js'
import { levelTooLow, notSignedIn, peerNotAllowed, permissionMissing, personNeeded } from './errors.js'
import { type PeerName, peerNumber } from './peer-identity.js'

const extensionName = 'paymesh.access.v1.access'

let rules: ReadonlyMap<string, Access | undefined> | undefined

/** The access option of every RPC in the image by path ('/paymesh.rules.v1.DecisionService/Decide'); undefined: none. */
export function accessRules(): ReadonlyMap<string, Access | undefined> {
  rules ??= readRules()
  return rules
}

function readRules(): ReadonlyMap<string, Access | undefined> {
  const { registry } = descriptorImage()
  const extension = registry.getExtension(extensionName)
  if (extension === undefined) throw new Error(`The descriptor image does not define ${extensionName}.`)
  const found = new Map<string, Access | undefined>()
  for (const service of registry) {
    if (service.kind !== 'service') continue
    for (const method of service.methods) {
      found.set(`/${service.typeName}/${method.name}`, accessOption(method, extension))
    }
  }
  return found
}

// Through its bytes, from the reflective message of the image to the generated type.
function accessOption(method: DescMethod, extension: DescExtension): Access | undefined {
  if (!hasOption(method, extension)) return undefined
  const option: unknown = getOption(method, extension)
  if (extension.message === undefined || !isMessage(option, extension.message)) return undefined
  return Access.decode(toBinary(extension.message, option))
}

/** The access option of a method. Throws when there is none: a method that nobody thought about must not be served. */
export function requireAccess(path: string): Access {
  const access = accessRules().get(path)
  if (access === undefined) throw new Error(`${path} has no access option in gen/paymesh.binpb; run npm run gen.`)
  return access
}

/**
 * Whether the peer may call at all, before anything it says is believed. Throws PEER_NOT_ALLOWED.
 */
export function checkPeer(access: Access, peer: PeerName | undefined): asserts peer is PeerName {
  if (peer === undefined || !access.peers.includes(peerNumber(peer))) throw peerNotAllowed(peer ?? 'unknown')
}

const levelNames: Readonly<Record<AuthLevel, string>> = {
  [AuthLevel.UNSPECIFIED]: 'any',
  [AuthLevel.PASSWORD]: 'password',
  [AuthLevel.DEVICE]: 'device',
  [AuthLevel.PIN]: 'pin',
  [AuthLevel.UNRECOGNIZED]: 'unknown',
}

/**
 * Whether the end user may call, when the edge speaks for one; other peers answer for themselves. What needs no permission is
 * about the person who calls (sessions, devices, a password), so that no program may, not even in their name. Throws, in
 * this order, NOT_SIGNED_IN, PERSON_NEEDED, PERMISSION_MISSING, LEVEL_TOO_LOW.
 */
export function checkCaller(access: Access, caller: Caller): void {
  if (caller.kind === 'peer') return
  if (caller.kind === 'anonymous') {
    if (!access.public) throw notSignedIn()
    return
  }
  const { permissions, level } = caller.subject
  if (access.permission === '' && !access.public && isProgram(caller.subject)) throw personNeeded()
  if (access.permission !== '' && !permissions.has(access.permission)) throw permissionMissing(access.permission)
  if (level < access.minimumLevel) throw levelTooLow(levelNames[access.minimumLevel])
}

function isProgram({ name, actor }: Subject): boolean {
  return actor !== undefined || name.startsWith('clients/')
}
