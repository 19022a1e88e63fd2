import assert from 'node:assert/strict'
import { Metadata, status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { RpcError, rpcErrorFrom } from './rpc-error.js'
import { statusDetailsHeader } from './status-details.js'
import { statusObject } from './status-object.js'

/** What a client gets of an error: through the status and back. */
function received(error: RpcError): RpcError {
  const object = statusObject(error)
  return rpcErrorFrom(Object.assign(new Error(object.details), object))
}

describe('RpcError on the wire', () => {
  it('keeps everything but the cause', () => {
    const sent = new RpcError({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'OVERLOADED',
      domain: 'ledger.paymesh',
      message: 'Too much is under way.',
      metadata: { queue: 'writer' },
      fieldViolations: [{ field: 'legs[0].amount', description: 'must be positive' }],
      retryAfterMs: 1500,
      cause: new Error('secret'),
    })
    const got = received(sent)
    for (const key of ['code', 'reason', 'domain', 'message', 'metadata', 'fieldViolations', 'retryAfterMs'] as const) {
      assert.deepEqual(got[key], sent[key], key)
    }
    assert.equal(got.remote, true)
    assert.ok(!statusObject(sent).metadata.get(statusDetailsHeader).toString().includes('secret'))
  })

  it('has an empty reason when the other side sent no details', () => {
    const error = Object.assign(new Error('14 UNAVAILABLE'), {
      code: 14,
      details: 'No connection',
      metadata: new Metadata(),
    })
    const { code, reason, domain, message } = rpcErrorFrom(error)
    assert.deepEqual({ code, reason, domain, message }, { code: 14, reason: '', domain: '', message: 'No connection' })
  })

  it('has an empty reason when the details cannot be read', () => {
    const metadata = new Metadata()
    metadata.set(statusDetailsHeader, Buffer.from([0xff, 0xff, 0xff]))
    assert.equal(
      rpcErrorFrom(Object.assign(new Error(), { code: status.INVALID_ARGUMENT, details: 'x', metadata })).reason,
      '',
    )
  })

  it('is UNKNOWN for what is no status', () => {
    assert.equal(rpcErrorFrom('text').code, status.UNKNOWN)
    assert.equal(rpcErrorFrom(new Error('secret')).message, 'Unknown error.')
  })

  it('stays below the bound of a header list, whatever it is made of', () => {
    const text = fc.string({ unit: 'binary', maxLength: 3000 })
    const property = fc.property(
      text,
      fc.array(text, { maxLength: 60 }),
      fc.dictionary(text, text),
      (message, texts, metadata) => {
        const fieldViolations = texts.map((description) => ({ field: description, description }))
        const object = statusObject(
          new RpcError({
            code: status.INVALID_ARGUMENT,
            reason: 'R',
            domain: 'd',
            message,
            metadata,
            fieldViolations,
            retryAfterMs: 1,
          }),
        )
        const bytes =
          (object.metadata.get(statusDetailsHeader)[0] as Buffer).length * (4 / 3) + encodeURI(object.details).length
        assert.ok(bytes < maxBytes, `${bytes}`)
      },
    )
    fc.assert(property, { numRuns: 200 })
  })

  it('survives half a surrogate pair, also one that cutting makes', () => {
    for (const message of ['\ud800', 'x'.repeat(299) + '\u{1f600}']) {
      encodeURI(
        statusObject(new RpcError({ code: status.INVALID_ARGUMENT, reason: 'R', domain: 'd', message })).details,
      )
    }
  })
})

const maxBytes = 8192
