import type { Parsed } from '../parsed.js'

/**
 * Which role permits what: the one place that says it. A permission is a name in the access option of some RPC; a
 * role is a set of them; a user's permissions are the union over the roles granted, frozen into each access token, so
 * that a change here or in the grants reaches a user with the next refresh, at most one token's life later.
 *
 * A permission opens the door of an RPC, no more: whether the wallet or the intent behind it is the caller's own is
 * asked by the service that owns it.
 */
const permissionsByRole = {
  user: ['intents:read', 'intents:write', 'wallet:read', 'wallet:write'],
  merchant: ['intents:read', 'intents:write', 'refunds:write', 'wallet:read', 'wallet:write', 'webhooks:write'],
  // Sees what a user sees, gives money back and freezes wallets; never sends any.
  support: ['intents:read', 'refunds:write', 'wallet:freeze', 'wallet:read'],
  // Grants no roles: who may fund wallets must not be able to make others, or themselves, more than they are.
  operator: [
    'funding:write',
    'intents:admin',
    'intents:read',
    'ledger:admin',
    'ledger:read',
    'peers:admin',
    'wallet:freeze',
    'wallet:read',
  ],
  // Drafts rules and reviews people. Publishing is not here: it takes a second person (`rules:publish`).
  risk: ['intents:read', 'kyc:review', 'rules:write', 'wallet:read'],
  admin: [
    'audit:read',
    'clients:admin',
    'funding:write',
    'intents:admin',
    'intents:read',
    'ledger:admin',
    'ledger:read',
    'peers:admin',
    'roles:admin',
    'rules:publish',
    'rules:write',
    'wallet:freeze',
    'wallet:read',
  ],
  // Reads everything that is evidence and changes nothing.
  auditor: ['audit:read', 'intents:read', 'ledger:read', 'wallet:read'],
} as const satisfies Record<string, readonly string[]>

/** A role that a user can hold. */
export type Role = keyof typeof permissionsByRole

/** What everybody who registers may do. */
export const roleOfNewUsers: Role = 'user'

/** Every role, in the order of the table above. */
export const roles: readonly Role[] = Object.keys(permissionsByRole).filter(isRole)

/** What is wrong with the text as a role, or the role. */
export function parseRole(text: string): Parsed<Role> {
  if (text === '') return { problem: 'is required' }
  return isRole(text) ? { value: text } : { problem: `must be one of ${roles.join(', ')}` }
}

/** Whether the text names a role. Own keys only: "constructor" is none. */
export function isRole(text: string): text is Role {
  return Object.hasOwn(permissionsByRole, text)
}

/**
 * In which roles a person may be stood in for by a program. What operators, admins and the like decide, they decide
 * themselves: somebody who may make programs could otherwise be the second person of their own decisions.
 */
export const rolesOfPrincipals: ReadonlySet<Role> = new Set<Role>(['user', 'merchant'])

/** The permissions of somebody who holds these roles: sorted, each once. */
export function permissionsOf(held: readonly Role[]): string[] {
  return [...new Set(held.flatMap((role) => [...permissionsByRole[role]]))].sort()
}
