import { formatResourceName } from '../../runtime/resource-name.js'

/** As many as a person has phones and tablets; each is a way in that somebody else may find. */
export const devicesMax = 5

/** A phone takes a second to sign, its owner a moment to find the finger. */
export const challengeLifeMs = 2 * 60_000
export const challengeBytes = 32
/** Challenges of one user in force at once; the oldest goes when another one is begun. */
export const challengesMax = 10

export const attestationBytesMax = 16_384

export function deviceName(id: string): string {
  return formatResourceName('devices/{device}', { device: id })
}

export function challengeName(id: string): string {
  return formatResourceName('deviceChallenges/{challenge}', { challenge: id })
}
