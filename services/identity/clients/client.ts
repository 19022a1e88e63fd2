import { isUuid } from '../../runtime/ids.js'
import type { Wrapped } from '../../runtime/keyring.js'
import { formatResourceName, parseResourceName } from '../../runtime/resource-name.js'
import type { Parsed } from '../parsed.js'
import { permissionsOf, roles } from '../roles/roles.js'

/** What an administrator says of a program that signs its requests. */
export interface ClientProperties {
  readonly displayName: string
  /** Names of `grantablePermissions`. */
  readonly permissions: readonly string[]
  /** `users/{uuid}`, or `*` alone for all. */
  readonly mayActFor: readonly string[]
  /** In CIDR form; none means that it may come from anywhere. */
  readonly networks: readonly string[]
}

/** A program that signs its requests. */
export interface Client extends ClientProperties {
  /** UUIDv7. */
  readonly id: string
  readonly disabled: boolean
  /** Grows with every change but those of keys. */
  readonly revision: number
  readonly createTimeMs: number
}

/** The names of RFC 9421's registry. */
export const keyAlgorithms = ['hmac-sha256', 'ed25519'] as const
export type KeyAlgorithm = (typeof keyAlgorithms)[number]

/** What a client signs with: a secret that both know, stored sealed; or a key whose private half is the client's alone. */
export type KeyMaterial =
  | { readonly algorithm: 'hmac-sha256'; readonly secret: Wrapped }
  | { readonly algorithm: 'ed25519'; readonly publicKey: Buffer }

export interface ClientKey {
  /** UUIDv7. */
  readonly id: string
  readonly clientId: string
  readonly material: KeyMaterial
  readonly createTimeMs: number
  /** Undefined while it has no end. */
  readonly expireTimeMs: number | undefined
}

/** Of one client, such that have not ended. Two of each algorithm are for rotation; ten are for several machines. */
export const keysMax = 10

/** May act for every user. */
export const everyUser = '*'

// Whoever may make users or clients more than they are must be a person who signed in.
const neverGranted: ReadonlySet<string> = new Set(['clients:admin', 'roles:admin'])

/** Every permission that a client can be given: those that some role has, but for administering people and clients. */
export const grantablePermissions: ReadonlySet<string> = new Set(
  permissionsOf(roles).filter((permission) => !neverGranted.has(permission)),
)

export function clientName(id: string): string {
  return formatResourceName('clients/{client}', { client: id })
}

/** The id in `clients/{uuid}`. */
export function parseClientName(name: string): Parsed<string> {
  if (name === '') return { problem: 'is required' }
  const id = parseResourceName('clients/{client}', name)?.client
  return id !== undefined && isUuid(id) ? { value: id } : { problem: 'must be a client, clients/{uuid}' }
}

export function keyName({ clientId, id }: Pick<ClientKey, 'clientId' | 'id'>): string {
  return formatResourceName('clients/{client}/keys/{key}', { client: clientId, key: id })
}

/** The ids in `clients/{uuid}/keys/{uuid}`. */
export function parseKeyName(name: string): Parsed<Pick<ClientKey, 'clientId' | 'id'>> {
  if (name === '') return { problem: 'is required' }
  const { client = '', key = '' } = parseResourceName('clients/{client}/keys/{key}', name) ?? {}
  if (!isUuid(client) || !isUuid(key)) return { problem: 'must be a key, clients/{uuid}/keys/{uuid}' }
  return { value: { clientId: client, id: key } }
}
