import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { checkConfig } from '../runtime/config.js'
import { identityEnvironment } from './config.js'

const base64 = (fill: number, size = 32): string => Buffer.alloc(size, fill).toString('base64')

const environment = {
  ENVIRONMENT: 'development',
  LISTEN_ADDRESS: 'localhost:7001',
  ADMIN_ADDRESS: 'localhost:7002',
  HTTP_ADDRESS: 'localhost:7003',
  TLS_CERT_FILE: 'identity.crt',
  TLS_KEY_FILE: 'identity.key',
  TLS_CA_FILE: 'ca.crt',
  DATABASE_URL: 'postgres://localhost/identity',
  TOKEN_ISSUER: 'https://pay.example.com',
  KEY_ENCRYPTION_KEYS: `new:${base64(1)},old:${base64(2)}`,
  BLIND_INDEX_KEY: base64(3),
  NOTIFICATION_FILE: 'notifications.jsonl',
}

const webhook = { NOTIFICATION_FILE: '', NOTIFICATION_URL: 'https://tell.example', NOTIFICATION_KEY: base64(1) }
const production = { ENVIRONMENT: 'production' }

describe('the configuration', () => {
  it('is read, keys wrapped and in order', () => {
    const checked = checkConfig(identityEnvironment, environment)
    assert.ok(checked.ok)
    const { config } = checked
    assert.deepEqual(
      config.KEY_ENCRYPTION_KEYS.map(({ id }) => id),
      ['new', 'old'],
    )
    assert.deepEqual(config.KEY_ENCRYPTION_KEYS[1]!.key.reveal(), Buffer.alloc(32, 2))
    assert.equal(config.TOKEN_AUDIENCE, 'paymesh')
    assert.ok(!inspect(config, { depth: 9 }).includes(base64(1).slice(0, 20)))
  })

  it('takes a receiver of notifications instead of a file', () => {
    assert.ok(checkConfig(identityEnvironment, { ...environment, ...production, ...webhook }).ok)
  })

  const faults: [string, Record<string, string>, RegExp][] = [
    ['a missing key', { BLIND_INDEX_KEY: '' }, /BLIND_INDEX_KEY is missing/],
    ['a short key', { BLIND_INDEX_KEY: base64(3, 16) }, /BLIND_INDEX_KEY is wrong/],
    ['a key that is not base64', { BLIND_INDEX_KEY: `*${base64(3).slice(1)}` }, /BLIND_INDEX_KEY is wrong/],
    ['a short key in the list', { KEY_ENCRYPTION_KEYS: `new:${base64(1)},old:${base64(2, 31)}` }, /32 bytes in base64/],
    ['a key without an id', { KEY_ENCRYPTION_KEYS: base64(1) }, /KEY_ENCRYPTION_KEYS is wrong.*id:key/],
    ['an id twice', { KEY_ENCRYPTION_KEYS: `a:${base64(1)},a:${base64(2)}` }, /each id once/],
    ['an issuer that is no URL', { TOKEN_ISSUER: 'paymesh' }, /TOKEN_ISSUER is wrong/],
    ['nobody to tell people', { NOTIFICATION_FILE: '' }, /NOTIFICATION_URL is missing/],
    ['a receiver without a key', { ...webhook, NOTIFICATION_KEY: '' }, /NOTIFICATION_KEY is missing/],
    ['two ways to tell people', { ...webhook, NOTIFICATION_FILE: 'x' }, /NOTIFICATION_FILE is wrong/],
    ['a file in production', production, /NOTIFICATION_FILE is wrong/],
    [
      'a receiver without TLS in production',
      { ...production, ...webhook, NOTIFICATION_URL: 'http://tell.example' },
      /NOTIFICATION_URL is wrong/,
    ],
    ['an address without a port', { HTTP_ADDRESS: 'localhost' }, /HTTP_ADDRESS is wrong/],
  ]
  for (const [name, change, problem] of faults) {
    it(`names the variable for ${name} and not its value`, () => {
      const checked = checkConfig(identityEnvironment, { ...environment, ...change })
      assert.ok(!checked.ok)
      assert.match(checked.problem, problem)
      for (const key of [1, 2, 3]) assert.ok(!checked.problem.includes(base64(key).slice(0, 16)))
    })
  }
})
