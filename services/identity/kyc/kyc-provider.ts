import type { DocumentSummary, KycCase, KycFinding } from './kyc-case.js'

/** What the provider is told of a case: digests, never contents. */
export type ProviderCase = Pick<KycCase, 'id' | 'level'> & { readonly documents: readonly DocumentSummary[] }

export interface ProviderAnswer {
  readonly finding: Exclude<KycFinding, 'NOT_CHECKED'>
  /** The provider's own name for it: at most 128 of letters, digits and `._-`. */
  readonly reference: string
}

/** Who checks documents: a seam for a provider. Asked again under the same id when it rejects. */
export interface KycProvider {
  check(asked: ProviderCase): Promise<ProviderAnswer>
}
