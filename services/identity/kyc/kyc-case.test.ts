import assert from 'node:assert/strict'
import { inForce, isProven, type KycCase, missingFor, renewalMs, sourceOf, stateAt } from './kyc-case.js'

const day = 86_400_000
const verified = (level: KycCase['level'], expireTimeMs: number): KycCase => ({
  id: `${level} ${expireTimeMs}`,
  userId: 'x',
  level,
  state: 'VERIFIED',
  submitTimeMs: 0,
  finding: 'CLEAR',
  providerReference: '',
  reviewTimeMs: 0,
  reviewer: 'y',
  rejectReason: undefined,
  expireTimeMs,
  documents: [],
})

describe('a KYC case', () => {
  it('gets to each state from one other', () => {
    const states = ['IN_REVIEW', 'VERIFIED', 'REJECTED', 'EXPIRED'] as const
    assert.deepEqual(states.map(sourceOf), ['SUBMITTED', 'IN_REVIEW', 'IN_REVIEW', 'VERIFIED'])
  })

  it('takes the documents of its level', () => {
    assert.deepEqual(missingFor('BASIC', ['ID_CARD_FRONT']), [])
    assert.deepEqual(missingFor('BASIC', ['ID_CARD_BACK', 'SELFIE']), ['PASSPORT or ID_CARD_FRONT'])
    assert.deepEqual(missingFor('FULL', ['PASSPORT']), ['SELFIE', 'PROOF_OF_ADDRESS'])
    assert.deepEqual(missingFor('FULL', ['PASSPORT', 'SELFIE', 'PROOF_OF_ADDRESS']), [])
  })

  it('ends by time, to the millisecond', () => {
    assert.equal(stateAt(verified('BASIC', 1000), 999), 'VERIFIED')
    assert.equal(stateAt(verified('BASIC', 1000), 1000), 'EXPIRED')
  })

  it('of the highest level is in force, then the one that lasts longest', () => {
    const cases = [verified('BASIC', 9 * day), verified('FULL', 2 * day), verified('FULL', 3 * day)]
    assert.equal(inForce(cases, day)?.id, cases[2]!.id)
    assert.equal(inForce(cases, 3 * day)?.id, cases[0]!.id)
    assert.equal(inForce(cases, 9 * day), undefined)
  })

  it('proves its level and those below until it may be renewed', () => {
    const cases = [verified('BASIC', renewalMs + 1)]
    assert.deepEqual(
      [isProven('BASIC', cases, 0), isProven('FULL', cases, 0), isProven('BASIC', cases, 1)],
      [true, false, false],
    )
  })
})
