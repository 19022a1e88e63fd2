import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { checkConfig } from '../runtime/config.js'
import { intentEnvironment, quorumFrom } from './config.js'

const environment = {
  ENVIRONMENT: 'production',
  LISTEN_ADDRESS: 'localhost:7001',
  ADMIN_ADDRESS: 'localhost:7002',
  TLS_CERT_FILE: 'intent.crt',
  TLS_KEY_FILE: 'intent.key',
  TLS_CA_FILE: 'ca.crt',
  DATABASE_URL: 'postgres://localhost/intent',
  LEDGER_ADDRESS: 'ledger:7000',
  RULES_ADDRESS: 'rules:7000',
  VALKEY_URL: 'redis://localhost:6379',
  KEY_ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 7).toString('base64')}`,
}
const check = (change: Record<string, string>) => checkConfig(intentEnvironment, { ...environment, ...change })

describe('the configuration of Intent', () => {
  it('names scoring providers, their keys wrapped', () => {
    const text = '{"acme":{"url":"https://acme.example/scores","key":"a-key"}}'
    const checked = check({ SCORING_PROVIDERS: text })
    assert.ok(checked.ok)
    const [provider] = checked.config.SCORING_PROVIDERS
    assert.deepEqual([provider?.name, provider?.url], ['acme', 'https://acme.example/scores'])
    assert.equal(provider?.key.reveal(), 'a-key')
    assert.ok(!inspect(checked.config, { depth: 9 }).includes('a-key'))
  })

  it('names the Rules nodes that have to agree, and from which amount on', () => {
    const quorumBy = (change: Record<string, string>) => {
      const checked = check(change)
      assert.ok(checked.ok)
      return quorumFrom(checked.config)
    }
    assert.equal(quorumBy({}), undefined)
    const three = { RULES_VALIDATOR_ADDRESSES: 'rules-1:7000, rules-2:7000', RULES_QUORUM: '2' }
    const validatorAddresses = ['rules-1:7000', 'rules-2:7000']
    assert.deepEqual(quorumBy(three), { validatorAddresses, size: 2, leastMinor: 0n })
    const one = quorumBy({ ...three, RULES_QUORUM_MIN_AMOUNT: '5000000' })
    assert.equal(one?.leastMinor, 5_000_000n)
    const each = quorumBy({ ...three, RULES_QUORUM_MIN_AMOUNT: '{"THB":"5000000","USD":"100"}' })
    assert.deepEqual(each?.leastMinor, new Map(Object.entries({ THB: 5_000_000n, USD: 100n })))
  })

  it('is refused by the name of what is wrong, without its value', () => {
    const ipps = {
      IPPS_URL: 'https://ipps.example',
      IPPS_KEY: 'key',
      IPPS_CALLBACK_SECRET: Buffer.alloc(32, 1).toString('base64'),
      IPPS_CALLBACK_URL: 'https://edge.example/v1/providers/ipps/callbacks',
    }
    assert.ok(check(ipps).ok)
    const others = { RULES_VALIDATOR_ADDRESSES: 'rules-1:7000,rules-2:7000' }
    const faults: [change: Record<string, string>, problem: RegExp][] = [
      [{ SCORING_PROVIDERS: 'secret' }, /SCORING_PROVIDERS is wrong/],
      [{ SCORING_PROVIDERS: '{"acme":{"url":"https://acme.example"}}' }, /SCORING_PROVIDERS is wrong/],
      [{ SCORING_PROVIDERS: '{"acme":{"url":"http://acme.example","key":"secret"}}' }, /must have https URLs/],
      [others, /RULES_QUORUM is/],
      [{ IPPS_URL: 'https://ipps.example' }, /IPPS_KEY is/],
      [{ ...ipps, IPPS_URL: 'http://ipps.example' }, /IPPS_URL must be an https URL|IPPS_URL.*https/],
      [{ ...ipps, IPPS_KEY: 'a secret\n' }, /IPPS_KEY is wrong/],
      [{ ...others, RULES_QUORUM: '1' }, /RULES_QUORUM is wrong/],
      [{ ...others, RULES_QUORUM: '4' }, /RULES_QUORUM is wrong/],
      [{ RULES_QUORUM: '2' }, /RULES_QUORUM is wrong/],
      [{ RULES_VALIDATOR_ADDRESSES: 'a:1,b:1,c:1', RULES_QUORUM: '2' }, /more than half/],
      [{ RULES_VALIDATOR_ADDRESSES: 'rules-1', RULES_QUORUM: '2' }, /RULES_VALIDATOR_ADDRESSES/],
      [{ ...others, RULES_QUORUM: '2', RULES_QUORUM_MIN_AMOUNT: '1.5' }, /RULES_QUORUM_MIN_AMOUNT is wrong/],
    ]
    for (const [change, problem] of faults) {
      const checked = check(change)
      assert.ok(!checked.ok, JSON.stringify(change))
      assert.match(checked.problem, problem)
      assert.ok(!checked.problem.includes('secret'))
    }
  })
})
