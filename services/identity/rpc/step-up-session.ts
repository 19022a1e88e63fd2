import assert from 'node:assert/strict'
import { type StepUpSessionRequest, StepUpSessionResponse } from '../../../gen/paymesh/identity/v1/session_service.js'
import { AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Secret } from '../../runtime/secret.js'
import type { ChallengeStore } from '../devices/challenge-store.js'
import { deviceName } from '../devices/device.js'
import { isSignedBy, signatureBytesMax, storedKey } from '../devices/device-key.js'
import { stepUpMessage } from '../devices/signed-message.js'
import { errorDomain, identityError, requireAdmitted } from '../errors.js'
import type { KeyedHash } from '../keyed-hash.js'
import { parseNameOf, take } from '../parsed.js'
import type { PasswordHasher } from '../passwords/password-hasher.js'
import { parseGivenPin, pinMaterial } from '../pins/pin.js'
import type { PinStore } from '../pins/pin-store.js'
import type { LiveSession, SessionStore } from '../sessions/session-store.js'
import { pinsOfUser } from '../throttles/throttle.js'
import type { ThrottleStore } from '../throttles/throttle-store.js'
import { issueSteppedUp, type IssueTokensDeps } from './issue-tokens.js'
import { callerSessionId, callerUserId } from './own-user.js'
import { timestamp } from './timestamp.js'

export interface StepUpSessionDeps extends IssueTokensDeps {
  sessions: Pick<SessionStore, 'stepUp'>
  challenges: Pick<ChallengeStore, 'take'>
  pins: Pick<PinStore, 'find'>
  passwords: PasswordHasher
  throttles: ThrottleStore
  keyedHash: KeyedHash
  clock: Clock
}

type Proof = { kind: 'device'; challengeId: string; signature: Buffer } | { kind: 'pin'; pin: Secret }

/**
 * Answers a stronger access token. Fails with INVALID_FIELD, SESSION_NOT_FOUND; by device CHALLENGE_INVALID, SIGNATURE_INVALID;
 * by PIN TOO_MANY_TRIES, OVERLOADED, WRONG_PIN. Each list in this order.
 */
export async function stepUpSession(
  deps: StepUpSessionDeps,
  call: Call,
  request: StepUpSessionRequest,
): Promise<StepUpSessionResponse> {
  const proof = parse(request)
  const nowMs = deps.clock.nowMs()
  // Before anything is proven: a session that is over must not be a place to try PINs.
  await liveSession(deps, call, undefined, nowMs)
  const deviceId = proof.kind === 'device' ? await proveDevice(deps, call, proof, nowMs) : undefined
  if (proof.kind === 'pin') await provePin(deps, call, proof.pin, nowMs)
  const session = await liveSession(deps, call, deviceId, nowMs)
  const level = proof.kind
  const { accessToken, expireTimeMs } = await issueSteppedUp(deps, session, level, nowMs)
  return StepUpSessionResponse.fromPartial({
    accessToken: accessToken.reveal(),
    accessExpireTime: timestamp(expireTimeMs),
    level: level === 'device' ? AuthLevel.DEVICE : AuthLevel.PIN,
  })
}

async function liveSession(
  deps: StepUpSessionDeps,
  call: Call,
  deviceId: string | undefined,
  nowMs: number,
): Promise<LiveSession> {
  const id = callerSessionId(call)
  const session = id === undefined ? undefined : await deps.sessions.stepUp(callerUserId(call), id, deviceId, nowMs)
  if (session !== undefined) return session
  assert(call.caller.kind === 'subject')
  throw identityError('SESSION_NOT_FOUND', { session: call.caller.subject.session })
}

/** Spends the challenge; answers the device. Throws CHALLENGE_INVALID, SIGNATURE_INVALID. */
async function proveDevice(
  deps: StepUpSessionDeps,
  call: Call,
  { challengeId, signature }: Extract<Proof, { kind: 'device' }>,
  nowMs: number,
): Promise<string> {
  const [userId, sessionId] = [callerUserId(call), callerSessionId(call)]
  const taken = await deps.challenges.take(challengeId, { userId, sessionId, forDevice: true }, nowMs)
  if (taken === undefined || taken.deviceId === null || taken.publicKey === null)
    throw identityError('CHALLENGE_INVALID')
  assert(call.caller.kind === 'subject')
  const { name, session } = call.caller.subject
  const message = stepUpMessage(name, session, deviceName(taken.deviceId), taken.challenge)
  if (!isSignedBy(storedKey(taken.publicKey), message, signature)) throw identityError('SIGNATURE_INVALID')
  return taken.deviceId
}

/** Counted before it is looked at, so that of any number at once no more are looked at than may. */
async function provePin(deps: StepUpSessionDeps, call: Call, pin: Secret, nowMs: number): Promise<void> {
  const userId = callerUserId(call)
  const subject = deps.keyedHash.of('user', userId)
  requireAdmitted(await deps.throttles.admit(pinsOfUser, subject, nowMs))
  const { secret, salt } = pinMaterial(deps.keyedHash, userId, pin)
  const hash = await deps.pins.find(userId)
  const found = await deps.passwords.find(secret, salt, hash === undefined ? [] : [hash], call.signal)
  if (found === 'busy') {
    await deps.throttles.ease(pinsOfUser, subject, 1, nowMs)
    throw identityError('OVERLOADED')
  }
  if (found === 'wrong') throw identityError('WRONG_PIN')
  await deps.throttles.clear(pinsOfUser, subject)
}

function parse({ proof }: StepUpSessionRequest): Proof {
  const check = new FieldCheck(errorDomain)
  const parsed = parseProof(check, proof)
  check.that(proof !== undefined, 'proof', 'is required')
  check.done()
  assert(parsed !== undefined)
  return parsed
}

function parseProof(check: FieldCheck, proof: StepUpSessionRequest['proof']): Proof | undefined {
  switch (proof?.$case) {
    case undefined:
      return undefined
    case 'pin': {
      const pin = take(check, 'pin', parseGivenPin(proof.pin))
      return pin && { kind: 'pin', pin }
    }
    case 'device': {
      const { challenge, signature } = proof.device
      const challengeId = take(check, 'device.challenge', parseNameOf('deviceChallenges', challenge))
      check.that(signature.length > 0, 'device.signature', 'is required')
      const isShort = signature.length <= signatureBytesMax
      check.that(isShort, 'device.signature', `must be at most ${signatureBytesMax} bytes`)
      return challengeId === undefined ? undefined : { kind: 'device', challengeId, signature: Buffer.from(signature) }
    }
  }
}
