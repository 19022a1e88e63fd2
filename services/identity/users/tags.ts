/**
 * What other services may know of a user, as words that ride in the access token and in the facts of decisions. The one
 * place that says which there are; what a level of proof about the person adds belongs here.
 */
export type Tag = 'contact_verified'

/** What the tags follow from, as stored. */
export interface Standing {
  readonly contactVerified: boolean
}

export function tagsOf({ contactVerified }: Standing): Tag[] {
  return contactVerified ? ['contact_verified'] : []
}
