import assert from 'node:assert/strict'
import { FieldCheck } from './field-check.js'
import { maskedFields } from './field-mask.js'
import { RpcError } from './rpc-error.js'

const account = { changeable: ['labels', 'display_name'], named: ['name', 'etag'] }

const fields = (mask: string[] | undefined): string[] => {
  const check = new FieldCheck('test.paymesh')
  const masked = maskedFields(check, mask, account)
  check.done()
  return [...masked]
}

describe('an update mask', () => {
  it('asks for all that may change when it is absent, empty or a star', () => {
    for (const mask of [undefined, [], ['*']]) assert.deepEqual(fields(mask), account.changeable)
  })

  it('asks for what it names, and passes over what only names the resource', () => {
    assert.deepEqual(fields(['labels', 'name', 'etag']), ['labels'])
    assert.deepEqual(fields(['name']), [])
  })

  for (const mask of [['balances'], ['labels', ''], ['*', 'labels'], ['labels.colour']]) {
    it(`may not be ${mask.join(',')}`, () => {
      assert.throws(
        () => fields(mask),
        (error) => error instanceof RpcError && error.fieldViolations[0]?.field === 'update_mask',
      )
    })
  }
})
