import fc from 'fast-check'
import { type Facts, int64Max, sortedPairs, type PartyFacts, tagSet } from '../facts.js'

export function exampleFacts(parts: Partial<Facts>): Facts {
  return {
    operationType: 'P2P_TRANSFER',
    assetCode: 'THB',
    amountMinor: 10_000n,
    payer: { party: 'wallets/a', owner: 'users/a', tags: [], walletKind: 'PERSONAL' },
    payee: { party: 'wallets/b', owner: 'users/b', tags: [], walletKind: 'PERSONAL' },
    metadata: new Map(),
    time: { seconds: 1_767_225_600n, nanos: 0 },
    timeZone: 'Asia/Bangkok',
    channelHint: '',
    signals: new Map(),
    ...parts,
  }
}

const anyParty: fc.Arbitrary<PartyFacts> = fc.record({
  party: fc.string({ minLength: 1, maxLength: 20 }),
  owner: fc.string({ maxLength: 20 }),
  tags: fc.array(fc.constantFrom('kyc_verified', 'vip', 'fee_exempt', 'ü', 'x'), { maxLength: 5 }).map(tagSet),
  walletKind: fc.constantFrom('', 'PERSONAL', 'MERCHANT'),
})

/** Facts of every shape that a request can have, amounts over the whole of int64. */
export const anyFacts: fc.Arbitrary<Facts> = fc.record({
  operationType: fc.constantFrom('P2P_TRANSFER', 'WALLET_FUNDING', 'UNKNOWN'),
  assetCode: fc.constantFrom('THB', 'USD', 'JPY'),
  amountMinor: fc.oneof(fc.bigInt({ min: 1n, max: int64Max }), fc.bigInt({ min: 1n, max: 100_000n })),
  payer: anyParty,
  payee: anyParty,
  metadata: fc
    .dictionary(fc.string({ minLength: 1, maxLength: 10 }), fc.string({ maxLength: 10 }), { maxKeys: 5 })
    .map(sortedPairs),
  time: fc.record({
    seconds: fc.bigInt({ min: 0n, max: 4_000_000_000n }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  timeZone: fc.constantFrom('', 'Asia/Bangkok', 'Europe/Berlin'),
  channelHint: fc.constantFrom('', 'INTERNAL_P2P'),
  signals: fc
    .dictionary(fc.constantFrom('z_score_milli', 'payments_last_hour'), fc.bigInt({ min: -10n, max: 5_000n }))
    .map(sortedPairs),
})
