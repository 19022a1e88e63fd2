// Intents to test with.
import { type Decision, type Fee } from '../decisions/decision.js'
import { type Intent, newIntent, type Order } from '../intents/intent.js'
import { orderHash } from '../intents/request-hash.js'

export const payerWallet = '0190a000-0000-7000-8000-00000000aaaa'
export const payeeWallet = '0190a000-0000-7000-8000-00000000bbbb'
export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

export function exampleOrder(change: Partial<Order> = {}): Order {
  return {
    operationType: 'P2P_TRANSFER',
    payer: { kind: 'wallet', walletId: payerWallet },
    payee: { kind: 'wallet', walletId: payeeWallet },
    assetCode: 'THB',
    amountMinor: 10_000n,
    metadata: {},
    holdSeconds: undefined,
    ...change,
  }
}

export const exampleFees: readonly Fee[] = [
  { feeId: 'service', phase: 'PRE', amountMinor: 100n, revenueAccount: 'accounts/fees.THB' },
  { feeId: 'receipt', phase: 'POST', amountMinor: 50n, revenueAccount: 'accounts/fees.THB' },
]

export function exampleDecision(fees: readonly Fee[] = exampleFees, channel = 'INTERNAL_P2P'): Decision {
  return {
    ruleSetVersion: 7n,
    verdict: { kind: 'routed', channel, fees, limits: [], review: undefined, requiredLevel: undefined },
    digest: Buffer.from([1, 2, 3]),
  }
}

/** What a draft says of a payment that may happen at once, has no limits and is nobody's refund. */
export const plain = {
  limitAccounts: [],
  parentId: undefined,
  provider: undefined,
  refusal: undefined,
  needsReview: false,
}

let made = 0

/** A VALIDATED intent with an id and a request id of its own. */
export function exampleIntent(change: Partial<Intent> = {}): Intent {
  made += 1
  const order = exampleOrder()
  const id = `0190b000-0000-7000-8000-${made.toString(16).padStart(8, '0')}0000`
  const key = { creator: 'users/ann', requestId: `request-${made}`, requestHash: orderHash('CreateIntent', order) }
  const draft = { id, order, key, decision: exampleDecision(), ...plain }
  return { ...newIntent(draft, startMs), ...change }
}
