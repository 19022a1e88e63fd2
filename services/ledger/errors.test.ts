import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { ErrorReason } from '../../gen/paymesh/ledger/v1/error_reason.js'
import { RpcError } from '../runtime/rpc-error.js'
import { UndecidedError, type UndecidedReason } from './engine.js'
import { engineError, ledgerError } from './errors.js'

describe('errors of the ledger', () => {
  it('has a code for every reason of the contract', () => {
    const reasons = Object.keys(ErrorReason).filter((name) => name !== 'UNSPECIFIED' && name !== 'UNRECOGNIZED')
    for (const reason of reasons) {
      const { code } = ledgerError(reason as Parameters<typeof ledgerError>[0], 'text')
      assert.ok(code > status.OK && code !== status.INTERNAL, reason)
    }
  })

  const cases: [UndecidedReason, string, status][] = [
    ['overloaded', 'OVERLOADED', status.RESOURCE_EXHAUSTED],
    ['abandoned', 'OVERLOADED', status.RESOURCE_EXHAUSTED],
    ['not_writer', 'NOT_WRITER', status.UNAVAILABLE],
    ['outcome_unknown', 'OUTCOME_UNKNOWN', status.UNAVAILABLE],
  ]
  for (const [undecided, reason, code] of cases) {
    it(`answers ${undecided} as ${reason}`, () => {
      const error = engineError(new UndecidedError(undecided))
      assert.ok(error instanceof RpcError)
      assert.deepEqual([error.reason, error.code, error.domain], [reason, code, 'ledger.paymesh'])
      assert.equal(error.retryAfterMs !== undefined, reason === 'OVERLOADED')
    })
  }

  it('leaves a bug as it is, for the adapter to answer as INTERNAL', () => {
    const bug = new TypeError('a bug')
    assert.equal(engineError(bug), bug)
  })
})
