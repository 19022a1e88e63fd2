import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { type RpcError, rpcErrorFrom } from '../../runtime/rpc-error.js'

/** What a call must fail with. `fields` are the violated fields, in order. */
export interface ExpectedFailure {
  reason: string
  code: keyof typeof status
  fields?: readonly string[]
  metadata?: Readonly<Record<string, string>>
}

/** Asserts that a call failed so, and answers the error for more. */
export async function assertFails(call: Promise<unknown>, expected: ExpectedFailure): Promise<RpcError> {
  const error = await call.then(
    () => assert.fail(`answered instead of failing with ${expected.reason}`),
    (reason: unknown) => rpcErrorFrom(reason),
  )
  assert.equal(error.reason, expected.reason, error.message)
  assert.equal(status[error.code], expected.code)
  assert.deepEqual(
    error.fieldViolations.map(({ field }) => field),
    expected.fields ?? [],
  )
  if (expected.metadata !== undefined) assert.deepEqual(error.metadata, expected.metadata)
  return error
}
