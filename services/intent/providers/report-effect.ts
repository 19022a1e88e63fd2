// What a provider's final answer changes: the first one that arrives while the money is held decides, whoever brings it.
// Everything else changes nothing about the payment, and what does not agree with it is put on the list of discrepancies.
import { type IntentState } from '../intents/intent.js'
import { type FinalReport } from './provider.js'

/** What is known of the payment that a report is about. */
export interface Standing {
  readonly state: IntentState
  /** Whether this provider was ever asked for it. */
  readonly isAsked: boolean
  readonly payoutMinor: bigint
  readonly assetCode: string
  /** Whether it is decided already what becomes of the hold. */
  readonly isDecided: boolean
  /** What the provider said before that counts. */
  readonly said: FinalReport['status'] | undefined
}

export const discrepancyKinds = ['LATE_SUCCESS', 'AMOUNT_MISMATCH', 'UNKNOWN_TRANSFER', 'CONTRADICTION'] as const

/**
 * LATE_SUCCESS: paid, and our money was given back or is about to be: it is booked from suspense. AMOUNT_MISMATCH: another
 * amount than was asked for: booked likewise if our money is given back. UNKNOWN_TRANSFER: a payment that this provider was
 * never asked for. CONTRADICTION: refused, after it was paid.
 */
export type DiscrepancyKind = (typeof discrepancyKinds)[number]

export type Effect =
  /** The hold is to be posted, or released. */
  | 'CAPTURE'
  | 'RELEASE'
  /** It says what is known, or what no longer matters. */
  | 'NONE'
  | DiscrepancyKind

/** The effect of a report; the standing is undefined when there is no such payment. */
export function effectOf(standing: Standing | undefined, report: FinalReport): Effect {
  if (standing?.isAsked !== true) return 'UNKNOWN_TRANSFER'
  if (report.amountMinor !== standing.payoutMinor || report.currency !== standing.assetCode) return 'AMOUNT_MISMATCH'
  if (report.status === standing.said) return 'NONE'
  const isOpen = standing.state === 'AUTHORIZED' && !standing.isDecided
  switch (report.status) {
    case 'SETTLED':
      return isOpen ? 'CAPTURE' : 'LATE_SUCCESS'
    case 'REFUSED':
      if (standing.said === 'SETTLED') return 'CONTRADICTION'
      return isOpen ? 'RELEASE' : 'NONE'
  }
}

/**
 * Whether a discrepancy tells of money that the provider paid for a payment, and that is booked if the payment ends without
 * it. What is in another currency has no amount in the payment's asset, and a payment that nobody asked for no payment.
 */
export function isToBook(kind: DiscrepancyKind, { assetCode }: Standing, report: FinalReport): boolean {
  switch (kind) {
    case 'LATE_SUCCESS':
      return true
    case 'AMOUNT_MISMATCH':
      return report.status === 'SETTLED' && report.currency === assetCode && report.amountMinor > 0n
    case 'UNKNOWN_TRANSFER':
    case 'CONTRADICTION':
      return false
  }
}

export function isDiscrepancy(effect: Effect): effect is DiscrepancyKind {
  return discrepancyKinds.some((kind) => kind === effect)
}
