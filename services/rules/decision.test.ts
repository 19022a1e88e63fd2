import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { compileRuleSet, decide, type Decision } from './decision.js'
import { canonicalForm } from './digest.js'
import { type Facts, int64Max, sortedPairs, tagSet } from './facts.js'
import { type Fee, totalMinor } from './fees.js'
import { RuleFailedError } from './rule-index.js'
import { parseRuleSet, RuleSetInvalidError } from './rule-set.js'
import { checkRuleSet } from './rule-set-check.js'
import { anyFacts, exampleFacts } from './test/example-facts.js'

const route = { id: 'p2p', operation_type: 'P2P_TRANSFER', channel: 'INTERNAL_P2P' }
const fee = {
  id: 'fee',
  operation_type: 'P2P_TRANSFER',
  phase: 'PRE',
  flat_minor: '100',
  revenue_account: 'accounts/fees.{asset}',
}

const limit = { operation_types: ['P2P_TRANSFER'], assets: ['THB'], metric: 'AMOUNT', cap: '1000' }
const riskRule = { id: 'odd', operation_types: ['P2P_TRANSFER'], reason: 'ODD' }

function compile(document: unknown, version = 1n) {
  const ruleSet = parseRuleSet(document)
  checkRuleSet(ruleSet)
  return compileRuleSet(version, ruleSet)
}

function decideBy(document: unknown, facts: Partial<Facts> = {}): Decision {
  return decide(compile(document), exampleFacts(facts))
}

function feesBy(document: unknown, facts: Partial<Facts> = {}): readonly Fee[] {
  const { outcome } = decideBy(document, facts)
  assert.ok(outcome.kind === 'allowed')
  return outcome.fees
}

function channelOf(decision: Decision): string {
  return decision.outcome.kind === 'allowed' ? decision.outcome.channel : decision.outcome.refusal.reason
}

function defaultRuleSet() {
  return compile(JSON.parse(readFileSync('services/rules/default-rule-set.json', 'utf8')))
}

describe('a decision', () => {
  it('takes the first route by priority and id whose scope, amount and condition fit', () => {
    const routes = [
      { ...route, id: 'z', channel: 'REST', priority: 9 },
      { ...route, id: 'b', channel: 'VIP', condition: '"vip" in payer.tags' },
      { ...route, id: 'a', channel: 'SMALL', max_minor: '99' },
      { ...route, id: 'c', channel: 'YEN', assets: ['JPY'] },
      { ...route, id: 'off', channel: 'OFF', priority: -1, enabled: false },
    ]
    const vip = { party: 'wallets/v', owner: 'users/v', tags: ['vip'], walletKind: '' }
    assert.equal(channelOf(decideBy({ routes, fees: [] })), 'REST')
    assert.equal(channelOf(decideBy({ routes, fees: [] }, { amountMinor: 99n })), 'SMALL')
    assert.equal(channelOf(decideBy({ routes, fees: [] }, { amountMinor: 99n, payer: vip })), 'SMALL')
    assert.equal(channelOf(decideBy({ routes, fees: [] }, { payer: vip })), 'VIP')
    assert.equal(channelOf(decideBy({ routes, fees: [] }, { assetCode: 'JPY' })), 'YEN')
    assert.equal(channelOf(decideBy({ routes, fees: [] }, { operationType: 'REFUND' })), 'NO_ROUTE')
  })

  it('takes PRE before POST fees, leaves out zeros and the rest of a stacking group', () => {
    const fees = [
      { ...fee, id: 'post', phase: 'POST', priority: -1 },
      { ...fee, id: 'second', priority: 2 },
      { ...fee, id: 'first', priority: 1 },
      { ...fee, id: 'rounds-to-zero', flat_minor: '0', bps: 1, rounding: 'HALF_EVEN' },
      { ...fee, id: 'waived', stacking_group: 'service', condition: 'amount < 0' },
      { ...fee, id: 'x-cheap', stacking_group: 'service', flat_minor: '1' },
      { ...fee, id: 'y-dear', stacking_group: 'service', flat_minor: '2' },
    ]
    const taken = feesBy({ routes: [route], fees }, { amountMinor: 1000n })
    assert.deepEqual(
      taken.map(({ feeId }) => feeId),
      ['x-cheap', 'first', 'second', 'post'],
    )
    assert.equal(taken[0]?.revenueAccount, 'accounts/fees.THB')
  })

  it('takes what a formula comes to, and refuses by its name one that comes to nothing', () => {
    const formula = { ...fee, flat_minor: undefined, amount: 'amount - 500', condition: 'amount > 5' }
    const document = { routes: [{ ...route, min_minor: '501' }], fees: [formula] }
    assert.equal(feesBy(document, { amountMinor: 620n })[0]?.amountMinor, 120n)
    const loose = compileRuleSet(1n, parseRuleSet({ ...document, routes: [route] }))
    for (const amountMinor of [500n, 6n]) {
      assert.equal(channelOf(decide(loose, exampleFacts({ amountMinor }))), 'FEE_NOT_POSITIVE')
    }
    const { outcome } = decide(loose, exampleFacts({ amountMinor: 6n }))
    assert.ok(outcome.kind === 'refused' && /fee\b/.test(outcome.refusal.message))
  })

  it('refuses for the first reason that is true', () => {
    const dear = { ...fee, id: 'dear', phase: 'POST', flat_minor: '200000' }
    const huge = { ...fee, id: 'huge', flat_minor: String(int64Max) }
    const one = { ...limit, id: 'one', window: 'PER_TRANSACTION' }
    const deny = { ...riskRule, action: 'DENY' }
    const all = { routes: [route], fees: [huge, dear], limits: [one], risk: { rules: [deny] } }
    const refusals: [document: unknown, reason: string][] = [
      [{ ...all, routes: [] }, 'NO_ROUTE'],
      [all, 'AMOUNT_TOO_LARGE'],
      [{ ...all, fees: [dear] }, 'FEE_EXCEEDS_AMOUNT'],
      [{ ...all, fees: [] }, 'LIMIT_EXCEEDED'],
      [{ ...all, fees: [], limits: [] }, 'RISK_DENIED'],
      [{ ...all, fees: [], limits: [], risk: undefined }, 'INTERNAL_P2P'],
    ]
    for (const [document, reason] of refusals) assert.equal(channelOf(decideBy(document)), reason)
  })

  it('refuses POST fees over the amount, but not equal to it', () => {
    const document = { routes: [route], fees: [{ ...fee, phase: 'POST' }] }
    assert.equal(channelOf(decideBy(document, { amountMinor: 99n })), 'FEE_EXCEEDS_AMOUNT')
    assert.equal(channelOf(decideBy(document, { amountMinor: 100n })), 'INTERNAL_P2P')
  })

  it('refuses a total that does not fit int64', () => {
    const document = { routes: [route], fees: [fee] }
    assert.equal(channelOf(decideBy(document, { amountMinor: int64Max - 99n })), 'AMOUNT_TOO_LARGE')
    assert.equal(channelOf(decideBy(document, { amountMinor: int64Max - 100n })), 'INTERNAL_P2P')
  })

  it('fails by the name of the rule that has no answer', () => {
    const document = { routes: [{ ...route, condition: 'amount * 2 > 0' }], fees: [] }
    assert.throws(
      () => decideBy(document, { amountMinor: int64Max }),
      (error) => error instanceof RuleFailedError && error.ruleId === 'p2p',
    )
  })

  it('prices THB and USD by the default rule set, and other assets by none', () => {
    const ruleSet = defaultRuleSet()
    const cases: [facts: Partial<Facts>, preMinor: bigint, postMinor: bigint][] = [
      [{ amountMinor: 5000n }, 100n, 0n],
      [{ amountMinor: 100_000n }, 250n, 50n],
      [{ amountMinor: 10_000_000n, assetCode: 'USD' }, 1000n, 50n],
      [{ amountMinor: 100_000n, assetCode: 'JPY' }, 0n, 0n],
      [
        {
          amountMinor: 100_000n,
          payee: { party: 'wallets/s', owner: 'users/s', tags: ['fee_exempt'], walletKind: '' },
        },
        250n,
        0n,
      ],
    ]
    for (const [facts, preMinor, postMinor] of cases) {
      const { outcome } = decide(ruleSet, exampleFacts(facts))
      assert.ok(outcome.kind === 'allowed')
      assert.deepEqual([totalMinor(outcome.fees, 'PRE'), totalMinor(outcome.fees, 'POST')], [preMinor, postMinor])
    }
  })

  it('is the same on a second node, with fees over zero that the payment can bear', () => {
    const [here, there] = [defaultRuleSet(), defaultRuleSet()]
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const decision = decide(here, facts)
        assert.deepEqual(decide(there, facts), decision)
        if (decision.outcome.kind === 'refused') return
        for (const { amountMinor } of decision.outcome.fees) assert.ok(amountMinor > 0n)
        assert.ok(totalMinor(decision.outcome.fees, 'POST') <= facts.amountMinor)
        assert.ok(facts.amountMinor + totalMinor(decision.outcome.fees, 'PRE') <= int64Max)
      }),
    )
  })
})

describe('the digest', () => {
  it('is the same exactly when version, facts and answer are', () => {
    const ruleSet = defaultRuleSet()
    fc.assert(
      fc.property(anyFacts, anyFacts, (left, right) => {
        const same = JSON.stringify(plain(left)) === JSON.stringify(plain(right))
        assert.equal(decide(ruleSet, left).digest.equals(decide(ruleSet, right).digest), same)
      }),
    )
    const next = { ...ruleSet, version: 2n }
    assert.notDeepEqual(decide(next, exampleFacts({})).digest, decide(ruleSet, exampleFacts({})).digest)
  })

  it('knows neither the order of metadata nor of tags', () => {
    const one = sortedPairs({ b: '1', a: '2', '\u{1f600}': '3', '\uffee': '4' })
    const other = sortedPairs({ '\uffee': '4', '\u{1f600}': '3', a: '2', b: '1' })
    assert.deepEqual([...one], [...other])
    assert.deepEqual([...one.keys()], ['a', 'b', '\uffee', '\u{1f600}'])
    assert.deepEqual(tagSet(['vip', 'a', 'vip']), ['a', 'vip'])
  })

  it('has the canonical form that the contract prints', () => {
    const facts = exampleFacts({
      metadata: sortedPairs({ note: 'ü' }),
      signals: sortedPairs({ z_score_milli: -5n }),
      payer: { party: 'wallets/a', owner: 'users/a', tags: ['vip'], walletKind: '' },
    })
    const factStrings = [
      ...['paymesh.rules.v1.Decision/3', '7', 'P2P_TRANSFER', 'THB', '10000'],
      ...['wallets/a', 'users/a', '', '1', 'vip', 'wallets/b', 'users/b', 'PERSONAL', '0', '1', 'note', 'ü'],
      ...['1767225600', '0', 'Asia/Bangkok', '', '1', 'z_score_milli', '-5'],
    ]
    const daily = { ...limit, id: 'daily', window: 'DAILY', time_zone: 'Asia/Bangkok', cap: '50000' }
    const risk = { rules: [{ ...riskRule, score: 3 }] }
    const step_up = [{ id: 'pin', operation_types: ['P2P_TRANSFER'], level: 'PIN' }]
    const document = { routes: [route], fees: [fee], limits: [daily], risk, step_up }
    const allowedStrings = [
      ...['INTERNAL_P2P', '1', 'fee', 'PRE', 'THB', '100', 'accounts/fees.THB'],
      ...['1', 'daily', 'daily-THB', 'AMOUNT', 'THB', 'users:a'],
      ...['DAILY', '2026-01-01', 'Asia/Bangkok', '1767200400', '1767286800', '50000', '10000', '7'],
      ...['1', 'ALLOW', '3', '1', 'ODD', '', '0', 'PIN'],
    ]
    const allowed = decide(compile(document, 7n), facts)
    assert.deepEqual(canonicalForm(7n, facts, allowed.outcome), encoded([...factStrings, ...allowedStrings]))
    const one = { ...limit, id: 'one', window: 'PER_TRANSACTION', cap: '9999' }
    const refused = decide(compile({ ...document, limits: [one] }, 7n), facts)
    const refusedStrings = ['', '0', '0', '0', 'LIMIT_EXCEEDED', '1', 'one', '9999', '10000', '']
    assert.deepEqual(canonicalForm(7n, facts, refused.outcome), encoded([...factStrings, ...refusedStrings]))
  })
})

function encoded(strings: readonly string[]): Buffer {
  return Buffer.concat(
    strings.map((text) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(text))
      return Buffer.concat([length, Buffer.from(text)])
    }),
  )
}

describe('a rule-set document', () => {
  it('is refused with the place and the problem', () => {
    const withFee = (change: object) => ({ routes: [route], fees: [{ ...fee, ...change }] })
    const withLimit = (change: object) => ({ routes: [], fees: [], limits: [{ ...limit, id: 'cap', ...change }] })
    const withRisk = (change: object) => ({ routes: [], fees: [], risk: { rules: [{ ...riskRule, ...change }] } })
    const daily = { ...limit, window: 'DAILY', time_zone: 'UTC' }
    const seventeen = Array.from({ length: 17 }, (_, index) => ({ ...daily, id: `cap${index}` }))
    const cases: [document: unknown, problem: RegExp][] = [
      [null, /document/],
      [{ routes: [] }, /fees/],
      [{ routes: [{ ...route, conditon: 'true' }], fees: [] }, /routes\.0: .*conditon/],
      [{ routes: [route, route], fees: [] }, /routes: has an id twice/],
      [{ routes: [{ ...route, min_minor: '2', max_minor: '1' }], fees: [] }, /can never match/],
      [{ routes: [{ ...route, min_minor: 100 }], fees: [] }, /routes\.0\.min_minor/],
      [{ routes: [], fees: [{ ...fee, flat_minor: '1.5' }] }, /decimal string/],
      [{ routes: [], fees: [{ ...fee, flat_minor: '-1' }] }, /decimal string/],
      [{ routes: [], fees: [{ ...fee, flat_minor: '9223372036854775808' }] }, /must fit int64/],
      [{ routes: [], fees: [{ ...fee, flat_minor: '0' }] }, /always zero/],
      [{ routes: [], fees: [{ ...fee, bps: 25 }] }, /named rounding/],
      [{ routes: [], fees: [{ ...fee, revenue_account: 'wallets/x' }] }, /revenue_account/],
      [{ routes: [], fees: [{ ...fee, revenue_account: 'accounts/' }] }, /revenue_account/],
      [{ routes: [], fees: [{ ...fee, revenue_account: 'accounts/.fees' }] }, /revenue_account/],
      [{ routes: [{ ...route, condition: 'amount' }], fees: [] }, /routes\.p2p\.condition: .*bool/],
      [withFee({ bps: 1, rounding: 'HALF_EVEN', amount: '5' }), /more than one of/],
      [withFee({ flat_minor: '0', amount: '5', min_minor: '1' }), /do not go with amount/],
      [withFee({ flat_minor: '0', amount: '0' }), /fees\.fee\.amount: comes to 0 on .*amount 1;/],
      [withFee({ flat_minor: '0', amount: 'amount - 5' }), /comes to -4/],
      [withFee({ flat_minor: '0', amount: 'bps(amount, 25, "half_even")' }), /comes to 0/],
      [withFee({ flat_minor: '0', amount: 'amount + 1', phase: 'POST' }), /POST fee must not be over/],
      [withFee({ flat_minor: '0', amount: 'amount > 3' }), /fees\.fee\.amount: .*does not give an int/],
      [withFee({ flat_minor: '0', amount: '1.5' }), /floating-point/],
      [withFee({ phase: 'POST', bps: 10_000, rounding: 'HALF_EVEN' }), /fees\.fee: is over the amount of every/],
      [withFee({ flat_minor: '0', tiers: [{ flat_minor: '1' }] }), /tier_mode go together/],
      [withFee({ flat_minor: '0', tier_mode: 'WHOLE', tiers: [{ bps: 1 }] }), /named rounding/],
      [withFee({ flat_minor: '0', tier_mode: 'WHOLE', tiers: [{ up_to_minor: '5', flat_minor: '1' }] }), /must ascend/],
      [withLimit({ window: 'DAILY' }), /limits\.0: needs a time_zone/],
      [withLimit({ window: 'DAILY', time_zone: '+07:00' }), /IANA/],
      [withLimit({ window: 'DAILY', time_zone: 'Mars/Olympus' }), /IANA/],
      [withLimit({ window: 'PER_TRANSACTION', time_zone: 'UTC' }), /neither time_zone/],
      [withLimit({ window: 'PER_TRANSACTION', metric: 'COUNT' }), /is of amounts/],
      [withLimit({ window: 'DAILY', time_zone: 'UTC', assets: undefined }), /needs assets/],
      [withLimit({ window: 'DAILY', time_zone: 'UTC', cap: 5 }), /limits\.0\.cap/],
      [withLimit({ window: 'DAILY', time_zone: 'UTC', id: 'a.b' }), /limits\.0\.id/],
      [withLimit({ window: 'DAILY', time_zone: 'UTC', scope_key: 'amount' }), /limits\.cap\.scope_key: .*string/],
      [{ ...withLimit({}), limits: seventeen }, /limits: more than 16 are for P2P_TRANSFER THB/],
      [withRisk({ score: 'signals.z_score_milli' }), /risk\.rules\.odd\.score: reads signals\.z_score_milli/],
      [withRisk({ score: 1001 }), /risk\.rules\.0\.score/],
      [{ ...withRisk({}), risk: { review_at: 5, deny_at: 4 } }, /review_at is over deny_at/],
    ]
    for (const [document, problem] of cases) {
      assert.throws(
        () => compile(document),
        (error) => error instanceof RuleSetInvalidError && problem.test(error.message),
        `${JSON.stringify(document)} against ${problem}`,
      )
    }
  })
})

function plain(facts: Facts): unknown {
  return {
    ...facts,
    amountMinor: `${facts.amountMinor}`,
    metadata: [...facts.metadata],
    signals: [...facts.signals].map(([name, value]) => [name, `${value}`]),
    time: [`${facts.time.seconds}`, facts.time.nanos],
  }
}
