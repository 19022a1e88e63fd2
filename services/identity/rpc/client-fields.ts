// Rules for fields of clients that several requests have.
import type { Client as ClientMessage } from '../../../gen/paymesh/identity/v1/client_service.js'
import type { FieldCheck } from '../../runtime/field-check.js'
import { networkFrom } from '../../runtime/network.js'
import { type ClientProperties, everyUser, grantablePermissions } from '../clients/client.js'
import { take } from '../parsed.js'
import { parseDisplayName, parseUserName } from '../users/user.js'

const mayActForMax = 1000
const networksMax = 100

type Property = keyof ClientProperties

/** Notes what is wrong with those properties of a client. */
export function checkProperties(check: FieldCheck, client: ClientMessage, given: ReadonlySet<Property>): void {
  if (given.has('displayName')) checkDisplayName(check, client.displayName)
  if (given.has('permissions')) checkPermissions(check, client.permissions)
  if (given.has('mayActFor')) checkMayActFor(check, client.mayActFor)
  if (given.has('networks')) checkNetworks(check, client.networks)
}

function checkDisplayName(check: FieldCheck, displayName: string): void {
  if (check.that(displayName !== '', 'client.display_name', 'is required')) {
    take(check, 'client.display_name', parseDisplayName(displayName))
  }
}

function checkPermissions(check: FieldCheck, permissions: readonly string[]): void {
  check.that(permissions.length > 0, 'client.permissions', 'is required')
  const known = permissions.every((permission) => grantablePermissions.has(permission))
  check.that(known, 'client.permissions', `must be of ${[...grantablePermissions].join(', ')}`)
  check.that(new Set(permissions).size === permissions.length, 'client.permissions', 'must name each once')
}

function checkMayActFor(check: FieldCheck, users: readonly string[]): void {
  check.that(users.length <= mayActForMax, 'client.may_act_for', `must be at most ${mayActForMax}`)
  const isEverybody = users.length === 1 && users[0] === everyUser
  const areUsers = users.every((name) => 'value' in parseUserName(name))
  check.that(isEverybody || areUsers, 'client.may_act_for', 'must be users, users/{uuid}, or * alone')
}

function checkNetworks(check: FieldCheck, networks: readonly string[]): void {
  check.that(networks.length <= networksMax, 'client.networks', `must be at most ${networksMax}`)
  const are = networks.every((network) => networkFrom(network) !== undefined)
  check.that(are, 'client.networks', 'must be networks such as 192.0.2.0/24')
}

/** Notes what a request to create must not say. */
export function checkOutputOnly(check: FieldCheck, client: ClientMessage): void {
  const absent = (isAbsent: boolean, field: string) => check.that(isAbsent, `client.${field}`, 'must be absent')
  absent(client.name === '', 'name')
  absent(client.state === 0, 'state')
  absent(client.keys.length === 0, 'keys')
  absent(client.createTime === undefined, 'create_time')
  absent(client.etag === '', 'etag')
}
