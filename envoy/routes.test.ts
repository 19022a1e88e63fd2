import assert from 'node:assert/strict'
import { contractMethods, publicMethods } from './public-methods.js'
import { type EdgeOptions } from './edge-options.js'
import { pathMatch, routes } from './routes.js'

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

describe('the edge’s signed routes', () => {
  const options = {
    listenAddress: '0.0.0.0',
    httpPort: 1,
    httpsPort: 2,
    adminPort: 3,
    services: {
      ledger: { port: 4 },
      intent: { port: 5 },
      rules: { port: 6 },
      identity: { port: 7, httpPort: 8 },
      connector: { port: 9, httpPort: 10 },
    },
    descriptorPath: '',
    openApiPath: '',
    sdsFolder: '',
    tokenIssuer: '',
    tokenAudience: '',
    profile: 'public',
    corsOrigins: ['https://app.example'],
  } as const satisfies EdgeOptions
  const jwt = 'envoy.filters.http.jwt_authn'
  const signature = 'envoy.filters.http.ext_authz'
  const drawn = routes(options, publicMethods())
  const filters = (route: Record<string, unknown>) => route['typed_per_filter_config'] as Record<string, unknown>
  const isSigned = (route: Record<string, unknown>) => JSON.stringify(route['match']).includes('signature-input')

  it('ask for a signature wherever a contract needs somebody and the request says that it has one', () => {
    const closed = publicMethods().filter(({ access }) => !access.public)
    assert.ok(closed.length > 20)
    const signed = drawn.filter(isSigned)
    assert.equal(signed.length, closed.length)
    for (const route of signed) assert.deepEqual([jwt in filters(route), signature in filters(route)], [true, false])
    const byToken = drawn.filter((route) => !(jwt in filters(route)))
    assert.equal(byToken.length, closed.length)
    for (const route of drawn) assert.ok(isSigned(route) || signature in filters(route))
  })

  it('come right before that of the same path which asks for a token', () => {
    const path = (route: Record<string, unknown>) =>
      JSON.stringify(route['match']).replace(/,\{"name":"signature-input".*?\}/, '')
    for (const [at, route] of drawn.entries()) {
      if (isSigned(route)) assert.equal(path(drawn[at + 1]!), path(route))
    }
  })
})
