import { Challenge } from '../../../gen/paymesh/identity/v1/device_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import type { Random } from '../../runtime/ids.js'
import type { ChallengeStore } from '../devices/challenge-store.js'
import { challengeBytes, challengeLifeMs, challengeName } from '../devices/device.js'
import { callerSessionId, callerUserId } from './own-user.js'
import { timestamp } from './timestamp.js'

export interface DeviceChallengeDeps {
  challenges: Pick<ChallengeStore, 'add'>
  clock: Clock
  random: Random
  newId: () => string
}

/** Begins a challenge for the caller's session: for a device of theirs, or for one that is being bound. */
export async function beginDeviceChallenge(
  deps: DeviceChallengeDeps,
  call: Call,
  deviceId: string | undefined,
): Promise<Challenge> {
  const createTimeMs = deps.clock.nowMs()
  const id = deps.newId()
  const challenge = Buffer.from(deps.random(challengeBytes))
  const expireTimeMs = createTimeMs + challengeLifeMs
  const [userId, sessionId] = [callerUserId(call), callerSessionId(call)]
  await deps.challenges.add({ id, userId, sessionId, deviceId, challenge, createTimeMs, expireTimeMs })
  return Challenge.fromPartial({ name: challengeName(id), challenge, expireTime: timestamp(expireTimeMs) })
}
