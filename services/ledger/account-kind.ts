import { AccountKind } from '../../gen/paymesh/ledger/v1/account.js'
import { AccountFlag } from './state-machine/account.js'

type KnownKind = Exclude<AccountKind, typeof AccountKind.UNSPECIFIED | typeof AccountKind.UNRECOGNIZED>

// What others own or were granted can't be overdrawn; the house's own accounts may stand on either side of zero.
// Those whose owners are somebody else keep a history of their balances: it is owed to them as a statement.
const OWED = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlag.HISTORY

const FLAGS: Readonly<Record<KnownKind, number>> = {
  [AccountKind.WALLET]: OWED,
  [AccountKind.MERCHANT]: AccountFlag.HISTORY,
  [AccountKind.TRANSIT]: 0,
  [AccountKind.FEE]: 0,
  [AccountKind.LIQUIDITY]: 0,
  [AccountKind.SETTLEMENT]: 0,
  [AccountKind.PEER]: OWED,
  [AccountKind.INVOICE]: OWED,
  [AccountKind.MANDATE]: OWED,
  [AccountKind.LIMIT]: AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS,
  [AccountKind.SUSPENSE]: 0,
  [AccountKind.EQUITY]: 0,
}

export function isKnownKind(kind: number): kind is KnownKind {
  return kind in FLAGS
}

/** The engine's flags of an account of this kind. */
export function flagsOfKind(kind: KnownKind): number {
  return FLAGS[kind]
}

export type { KnownKind }
