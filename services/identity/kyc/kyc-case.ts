/**
 * A case: documents that a user handed in for a level, and what became of them.
 *
 *     (none) → SUBMITTED → IN_REVIEW → VERIFIED → EXPIRED
 *                                    ↘ REJECTED
 *
 * The provider's answer, or that there will be none, brings a case to a person, who decides it; time ends what was
 * verified. A user has one open case at most. A later case takes nothing from an earlier one: while somebody verified asks
 * for the next level, or fails to get it, the level that they have stays.
 */
export type KycState = 'SUBMITTED' | 'IN_REVIEW' | 'VERIFIED' | 'REJECTED' | 'EXPIRED'

const sources: Readonly<Record<KycState, KycState | undefined>> = {
  SUBMITTED: undefined,
  IN_REVIEW: 'SUBMITTED',
  VERIFIED: 'IN_REVIEW',
  REJECTED: 'IN_REVIEW',
  EXPIRED: 'VERIFIED',
}

/** The one state from which a case gets to another. Statements move a case only from there. */
export function sourceOf(state: Exclude<KycState, 'SUBMITTED'>): KycState {
  const source = sources[state]
  if (source === undefined) throw new Error(`no case moves to ${state}`)
  return source
}

/** Weakest first. */
export const kycLevels = ['BASIC', 'FULL'] as const
export type KycLevel = (typeof kycLevels)[number]

export type KycFinding = 'CLEAR' | 'SUSPECT' | 'UNREADABLE' | 'NOT_CHECKED'

export const documentKinds = ['PASSPORT', 'ID_CARD_FRONT', 'ID_CARD_BACK', 'SELFIE', 'PROOF_OF_ADDRESS'] as const
export type DocumentKind = (typeof documentKinds)[number]

export const rejectReasons = ['UNREADABLE', 'DOCUMENT_EXPIRED', 'MISMATCH', 'NOT_GENUINE', 'OTHER'] as const
export type RejectReason = (typeof rejectReasons)[number]

/** What a level takes: one of each group. */
const neededFor: Readonly<Record<KycLevel, readonly (readonly DocumentKind[])[]>> = {
  BASIC: [['PASSPORT', 'ID_CARD_FRONT']],
  FULL: [['PASSPORT', 'ID_CARD_FRONT'], ['SELFIE'], ['PROOF_OF_ADDRESS']],
}

/** What is missing for a level, as words; empty when it is complete. */
export function missingFor(level: KycLevel, kinds: readonly DocumentKind[]): string[] {
  return neededFor[level]
    .filter((group) => !group.some((kind) => kinds.includes(kind)))
    .map((group) => group.join(' or '))
}

const dayMs = 86_400_000
/** People move and documents end; two years is what rules of the trade ask for at the usual risk. */
export const verifiedForMs = 730 * dayMs
/** From when on a level that is still in force may be proven anew. */
export const renewalMs = 90 * dayMs

/** A document without its content. */
export interface DocumentSummary {
  readonly kind: DocumentKind
  readonly digest: Buffer
  readonly sizeBytes: number
}

/** A case as stored, without contents. */
export interface KycCase {
  readonly id: string
  readonly userId: string
  readonly level: KycLevel
  readonly state: KycState
  readonly submitTimeMs: number
  readonly finding: KycFinding | undefined
  readonly providerReference: string
  readonly reviewTimeMs: number | undefined
  readonly reviewer: string | undefined
  readonly rejectReason: RejectReason | undefined
  readonly expireTimeMs: number | undefined
  readonly documents: readonly DocumentSummary[]
}

/** The state at a moment: what time ended is EXPIRED whether or not anybody has noted it. */
export function stateAt({ state, expireTimeMs }: KycCase, nowMs: number): KycState {
  return state === 'VERIFIED' && expireTimeMs !== undefined && expireTimeMs <= nowMs ? 'EXPIRED' : state
}

/** The verified case of the highest level at a moment; of two of one level the one that lasts longer. */
export function inForce(cases: readonly KycCase[], nowMs: number): KycCase | undefined {
  const rank = ({ level }: KycCase) => kycLevels.indexOf(level)
  return cases
    .filter((one) => stateAt(one, nowMs) === 'VERIFIED')
    .sort((a, b) => rank(b) - rank(a) || (b.expireTimeMs ?? 0) - (a.expireTimeMs ?? 0))[0]
}

/** Whether a case for the level would prove nothing new. */
export function isProven(level: KycLevel, cases: readonly KycCase[], nowMs: number): boolean {
  const best = inForce(cases, nowMs + renewalMs)
  return best !== undefined && kycLevels.indexOf(best.level) >= kycLevels.indexOf(level)
}
