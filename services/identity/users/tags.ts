import type { KycLevel } from '../kyc/kyc-case.js'

/**
 * What other services may know of a user, as words that ride in the access token and in the facts of decisions. The one
 * place that says which there are; what a level of proof about the person adds belongs here.
 */
export type Tag = 'contact_verified' | 'kyc_verified' | 'kyc_full'

/** What the tags follow from, as stored. */
export interface Standing {
  readonly contactVerified: boolean
  /** Levels that are verified and in force. */
  readonly kycLevels: readonly KycLevel[]
}

export function tagsOf({ contactVerified, kycLevels }: Standing): Tag[] {
  const tags: Tag[] = contactVerified ? ['contact_verified'] : []
  if (kycLevels.length > 0) tags.push('kyc_verified')
  if (kycLevels.includes('FULL')) tags.push('kyc_full')
  return tags
}
