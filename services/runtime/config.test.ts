import assert from 'node:assert/strict'
import { z } from 'zod'
import { checkConfig, databaseEnvironment, serviceEnvironment } from './config.js'

const schema = z.object({ ...serviceEnvironment, ...databaseEnvironment })
const complete = {
  ENVIRONMENT: 'development',
  LISTEN_ADDRESS: 'localhost:7001',
  ADMIN_ADDRESS: 'localhost:9001',
  TLS_CERT_FILE: 'a.crt',
  TLS_KEY_FILE: 'a.key',
  TLS_CA_FILE: 'ca.crt',
  DATABASE_URL: 'postgres://somewhere/ledger',
}

function problemOf(env: Record<string, string>): string {
  const checked = checkConfig(schema, env)
  assert.ok(!checked.ok)
  return checked.problem
}

describe('configuration', () => {
  it('is frozen, with defaults for what may be left out', () => {
    const checked = checkConfig(schema, complete)
    assert.ok(checked.ok && Object.isFrozen(checked.config))
    const { LOG_LEVEL, DRAIN_DELAY_MS, DATABASE_POOL_MAX, OTEL_EXPORTER_OTLP_ENDPOINT } = checked.config
    assert.deepEqual(
      [LOG_LEVEL, DRAIN_DELAY_MS, DATABASE_POOL_MAX, OTEL_EXPORTER_OTLP_ENDPOINT],
      ['info', 0, 10, undefined],
    )
  })

  it('names everything that is missing in one sentence', () => {
    const { LISTEN_ADDRESS: _l, DATABASE_URL: _d, ...partial } = complete
    assert.equal(
      problemOf(partial),
      'The configuration cannot be used: LISTEN_ADDRESS is missing; DATABASE_URL is missing.',
    )
  })

  it('takes an empty variable for a missing one', () => {
    assert.match(problemOf({ ...complete, DATABASE_URL: '' }), /DATABASE_URL is missing/)
  })

  it('refuses a pool of nothing, and a drain that would outlast the process', () => {
    assert.match(problemOf({ ...complete, DATABASE_POOL_MAX: '0' }), /DATABASE_POOL_MAX is wrong/)
    assert.match(problemOf({ ...complete, DRAIN_DELAY_MS: '8001' }), /DRAIN_DELAY_MS is wrong/)
  })

  const wrong: [string, string][] = [
    ['LISTEN_ADDRESS', 'secret-host'],
    ['ENVIRONMENT', 'secret'],
    ['LOG_LEVEL', 'secret'],
    ['DATABASE_POOL_MAX', '-1secret'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'secret'],
  ]
  for (const [name, value] of wrong) {
    it(`says that ${name} is wrong and not what it holds`, () => {
      const problem = problemOf({ ...complete, [name]: value })
      assert.match(problem, new RegExp(`${name} is wrong`))
      assert.ok(!problem.includes('secret'))
    })
  }
})
