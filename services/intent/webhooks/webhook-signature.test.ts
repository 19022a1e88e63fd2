import assert from 'node:assert/strict'
import { Secret } from '../../runtime/secret.js'
import { secretText, signatureHeader } from './webhook-signature.js'

const key = (base64: string) => new Secret(Buffer.from(base64, 'base64'), 'test')

describe('signatures of webhooks', () => {
  // The example of the Standard Webhooks libraries.
  const known = key('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  const body = '{"test": 2432232314}'

  it('are those of the specification', () => {
    assert.equal(signatureHeader([known], id, 1614265330, body), 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
    assert.equal(secretText(known), 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
  })

  it('are one a key, newest first', () => {
    const other = key('AAAA')
    const both = signatureHeader([other, known], id, 1614265330, body).split(' ')
    assert.equal(both.length, 2)
    assert.equal(both[1], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })
})
