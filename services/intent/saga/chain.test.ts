import assert from 'node:assert/strict'
import fc from 'fast-check'
import { uuidToBigint } from '../../runtime/ids.js'
import { type ChainAnswer, intentIdFrom, readChainAnswer, transferId } from './chain.js'
import { internalP2p } from '../channels/internal-p2p.js'
import { walletFunding } from '../channels/wallet-funding.js'
import { exampleDecision, exampleFees, exampleIntent } from '../test/example-intent.js'
import { TransferStatus } from '../ledger/transfer-status.js'

describe('transfer ids', () => {
  const id = uuidToBigint(intentIdFrom('0190b1c2-d3e4-7abc-8def-0123456789ab'))

  it('replace the last 16 bits of the intent by attempt, step and leg', () => {
    assert.equal(transferId(id, 0xa, 0x3, 0x5c).toString(16), '190b1c2d3e47abc8def01234567a35c')
  })

  it('never meet: not within an intent, not between two, and none is the intent itself', () => {
    const parts = fc.tuple(fc.nat(15), fc.integer({ min: 1, max: 15 }), fc.nat(255))
    const intents = fc.bigInt({ min: 1n, max: 2n ** 112n - 1n }).map((upper) => upper << 16n)
    fc.assert(
      fc.property(intents, intents, parts, parts, (a, b, [...x], [...y]) => {
        const [idX, idY] = [transferId(a, ...x), transferId(b, ...y)]
        assert.equal(idX === idY, a === b && x.join() === y.join())
        assert.notEqual(idX, a)
      }),
    )
  })

  it('refuse what does not fit', () => {
    for (const [attempt, step, leg] of [
      [16, 1, 0],
      [0, 0, 0],
      [0, 16, 0],
      [0, 1, 256],
      [-1, 1, 0],
    ] as const) {
      assert.throws(() => transferId(id, attempt, step, leg))
    }
    assert.throws(() => transferId(id + 1n, 0, 1, 0), 'an intent id that does not end in zeros')
  })
})

describe('a chain', () => {
  it('leaves transit where it was, whatever the fees and whatever part of it settles', () => {
    const fee = fc.record({
      feeId: fc.constant('f'),
      phase: fc.constantFrom('PRE' as const, 'POST' as const),
      amountMinor: fc.bigInt({ min: 1n, max: 10n }),
      revenueAccount: fc.constantFrom('accounts/fees.THB', 'accounts/fees.partner'),
    })
    fc.assert(
      fc.property(fc.array(fee, { maxLength: 20 }), fc.bigInt({ min: 201n, max: 10_000n }), (fees, amountMinor) => {
        const intent = exampleIntent({ decision: exampleDecision(fees) })
        const legs = internalP2p.legs(intent, amountMinor)
        const through = (side: 'debitAccount' | 'creditAccount') =>
          legs.reduce((sum, leg) => (leg[side] === 'accounts/transit.THB' ? sum + leg.amountMinor : sum), 0n)
        assert.equal(through('creditAccount'), through('debitAccount'))
        assert.equal(legs.length, fees.length + 2)
      }),
    )
  })

  it('takes amount and PRE fees from the payer and gives the payee the amount less POST fees', () => {
    const intent = exampleIntent({ decision: exampleDecision(exampleFees) })
    const legs = internalP2p.legs(intent, intent.amountMinor)
    assert.deepEqual(
      legs.map((leg) => [leg.role, leg.debitAccount, leg.creditAccount, leg.amountMinor]),
      [
        ['payer', 'accounts/wallet.0190a000-0000-7000-8000-00000000aaaa', 'accounts/transit.THB', 10_100n],
        ['payee', 'accounts/transit.THB', 'accounts/wallet.0190a000-0000-7000-8000-00000000bbbb', 9_950n],
        ['fee', 'accounts/transit.THB', 'accounts/fees.THB', 100n],
        ['fee', 'accounts/transit.THB', 'accounts/fees.THB', 50n],
      ],
    )
  })

  it('of a funding starts at the settlement account', () => {
    const intent = exampleIntent({
      operationType: 'WALLET_FUNDING',
      payer: { kind: 'account', account: 'accounts/settlement.THB' },
      decision: exampleDecision([], 'WALLET_FUNDING'),
    })
    const legs = walletFunding.legs(intent, intent.amountMinor)
    assert.deepEqual(
      legs.map((leg) => leg.debitAccount),
      ['accounts/settlement.THB', 'accounts/transit.THB'],
    )
  })
})

describe("a chain's answer", () => {
  const T = TransferStatus
  const failed = T.linked_event_failed
  const table: [string, TransferStatus[], ChainAnswer][] = [
    ['all created', [T.created, T.created, T.created], { kind: 'applied' }],
    ['the first exists', [T.exists, failed, failed], { kind: 'present' }],
    ['the payer has too little', [T.exceeds_credits, failed], refused(0, 'EXCEEDS_BALANCE')],
    ['the payee is closed', [failed, T.credit_account_already_closed, failed], refused(1, 'ACCOUNT_CLOSED')],
    ['a fee account is missing', [failed, failed, T.credit_account_not_found], refused(2, 'ACCOUNT_NOT_FOUND')],
    ['assets do not fit', [failed, T.accounts_must_have_the_same_ledger], refused(1, 'MALFORMED')],
    ['refused before', [T.id_already_failed, failed], { kind: 'refusedBefore', legIndex: 0 }],
    ['the hold was posted', [T.pending_transfer_already_posted, failed], { kind: 'resolved', how: 'POSTED' }],
    ['the hold was voided', [T.pending_transfer_already_voided, failed], { kind: 'resolved', how: 'VOIDED' }],
    ['the hold is over', [T.pending_transfer_expired, failed], { kind: 'resolved', how: 'EXPIRED' }],
    ['an overflow', [failed, T.overflows_credits], { kind: 'undecided', legIndex: 1, status: T.overflows_credits }],
    [
      'other content under our id',
      [T.exists_with_different_amount, failed],
      { kind: 'undecided', legIndex: 0, status: T.exists_with_different_amount },
    ],
  ]

  function refused(legIndex: number, cause: 'EXCEEDS_BALANCE' | 'ACCOUNT_CLOSED' | 'ACCOUNT_NOT_FOUND' | 'MALFORMED') {
    return { kind: 'refused', legIndex, cause } as const
  }

  for (const [name, statuses, answer] of table) {
    it(`is read: ${name}`, () => {
      assert.deepEqual(readChainAnswer(statuses), answer)
    })
  }

  it('that no ledger can give is refused loudly', () => {
    for (const statuses of [
      [failed, failed],
      [T.created, failed],
      [T.created, T.exceeds_credits],
      [T.exists, T.exists],
    ]) {
      assert.throws(() => readChainAnswer(statuses))
    }
  })

  it('lets only what is final for ever settle or reject', () => {
    for (const status of Object.values(T)) {
      if (status === T.created || status === failed) continue
      const answer = readChainAnswer([failed, status])
      // Final: burnt by the Ledger, or wrong in the transfer itself.
      const burnt = [21, 22, 54, 55, 65, 66, 68].includes(status)
      const unchanging = status <= 24 || status === T.closing_transfer_must_be_pending
      const isFinalAnswer = answer.kind === 'refused' || answer.kind === 'refusedBefore'
      assert.equal(isFinalAnswer, burnt || unchanging, `status ${status}`)
    }
  })
})
