import assert from 'node:assert/strict'
import { type CreateSessionRequest, CreateSessionResponse } from '../../../gen/paymesh/identity/v1/session_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Random } from '../../runtime/ids.js'
import { type Email, parseEmail } from '../users/email.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import { parseGivenPassword } from '../passwords/password.js'
import type { PasswordHasher } from '../passwords/password-hasher.js'
import { newRefreshToken } from '../sessions/refresh-token.js'
import type { Secret } from '../../runtime/secret.js'
import { refreshExpireTimeMs, sessionLifeMs } from '../sessions/session.js'
import type { SessionStore } from '../sessions/session-store.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { issueTokens, type IssueTokensDeps } from './issue-tokens.js'

export interface CreateSessionDeps extends IssueTokensDeps {
  users: Pick<UserStore, 'findPasswords'>
  sessions: Pick<SessionStore, 'create'>
  vault: Vault
  passwords: PasswordHasher
  clock: Clock
  random: Random
}

/**
 * Signs a user in. Fails with INVALID_FIELD, OVERLOADED, WRONG_CREDENTIALS, in this order. An unknown address and a
 * wrong password take the same path to the same answer: one query, one hash.
 */
export async function createSession(
  deps: CreateSessionDeps,
  call: Call,
  request: CreateSessionRequest,
): Promise<CreateSessionResponse> {
  const { email, password } = parse(request)
  const userId = await authenticate(deps, call, email, password)
  const nowMs = deps.clock.nowMs()
  const token = newRefreshToken(deps.random)
  const sessionExpireTimeMs = nowMs + sessionLifeMs
  const refresh = { token, expireTimeMs: refreshExpireTimeMs(nowMs, sessionExpireTimeMs) }
  const session = await deps.sessions.create({
    id: deps.newId(),
    userId,
    createTimeMs: nowMs,
    expireTimeMs: sessionExpireTimeMs,
    refreshTokenHash: token.hash,
    refreshExpireTimeMs: refresh.expireTimeMs,
  })
  return CreateSessionResponse.fromPartial({ tokens: await issueTokens(deps, session, refresh, nowMs) })
}

/** The user with this address and password. */
async function authenticate(deps: CreateSessionDeps, call: Call, email: Email, password: Secret): Promise<string> {
  const users = await deps.users.findPasswords(deps.vault.emailIndex(email))
  const hashes = users.map(({ hash }) => hash)
  const found = await deps.passwords.find(password, deps.vault.passwordSalt(email), hashes, call.signal)
  if (found === 'busy') throw identityError('OVERLOADED')
  const user = found === 'wrong' ? undefined : users[found.index]
  if (user === undefined) throw identityError('WRONG_CREDENTIALS')
  return user.userId
}

function parse(request: CreateSessionRequest): { email: Email; password: Secret } {
  const check = new FieldCheck(errorDomain)
  const email = take(check, 'email', parseEmail(request.email))
  const password = take(check, 'password', parseGivenPassword(request.password))
  check.done()
  assert(email !== undefined && password !== undefined)
  return { email, password }
}
