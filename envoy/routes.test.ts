import assert from 'node:assert/strict'
import { contractMethods, publicMethods } from './public-methods.js'
import { pathMatch } from './routes.js'

describe('the edge’s routes', () => {
  it('match a path without a variable exactly', () => {
    assert.deepEqual(pathMatch('/v1/intents:preview'), { path: '/v1/intents:preview' })
  })

  it('let a variable be one segment without a colon', () => {
    const match = pathMatch('/v1/{name=intents/*}:watch')
    assert.deepEqual(match, { safe_regex: { regex: '/v1/intents/[^/:]+:watch' } })
  })

  it('escape what a pattern would read otherwise', () => {
    assert.deepEqual(pathMatch('/v1.0/{id}'), { safe_regex: { regex: '/v1\\.0/[^/:]+' } })
  })
})

describe('the contracts', () => {
  it('name the callers of every RPC', () => {
    const nameless = contractMethods().filter(({ access }) => access.peers.length === 0)
    assert.deepEqual(nameless, [])
  })

  it('offer no engine call to the outside', () => {
    const offered = publicMethods().map(({ service }) => service)
    assert.ok(offered.includes('paymesh.intent.v1.IntentService'))
    assert.ok(!offered.includes('paymesh.ledger.v1.TransferService'))
    assert.ok(!offered.includes('paymesh.rules.v1.DecisionService'))
  })

  it('let nobody in without signing in but to sign in', () => {
    const anonymous = publicMethods().filter(({ access }) => access.public && !access.signed)
    assert.deepEqual(anonymous.map(({ method }) => method).sort(), [
      'CreateSession',
      'RefreshSession',
      'RegisterUser',
      'RequestPasswordReset',
      'ResetPassword',
      'VerifyContact',
    ])
  })

  it('let only who is let in without signing in prove itself by a signature', () => {
    const signed = publicMethods().filter(({ access }) => access.signed)
    assert.deepEqual(
      signed.map(({ method, access }) => [method, access.public]),
      [['ReceiveCallback', true]],
    )
  })
})
