import assert from 'node:assert/strict'
import { bindFacts, compileCondition, compileInt, ExpressionFailedError } from './expression.js'
import { checkExpression } from './expression-guard.js'
import { exampleFacts } from './test/example-facts.js'

const scope = { operationType: 'P2P_TRANSFER', assetCode: 'THB', lowestMinor: 1n, highestMinor: 1_000_000n }
const checkCondition = (source: string) => checkExpression(source, 'bool', scope)

describe('conditions', () => {
  it('see the facts', () => {
    const facts = exampleFacts({
      amountMinor: 15_000n,
      metadata: new Map([['note', 'rent']]),
      payer: { party: 'wallets/a', owner: 'users/a', tags: ['kyc_verified', 'vip'], walletKind: 'PERSONAL' },
      signals: new Map([['z_score_milli', 2500n]]),
    })
    const bindings = bindFacts(facts)
    const truths = [
      'amount == 15000',
      'operation_type == "P2P_TRANSFER" && asset == "THB"',
      '"vip" in payer.tags && !("vip" in payee.tags)',
      'payer.tags.exists(tag, tag.startsWith("kyc_"))',
      'has(metadata.note) && metadata.note == "rent"',
      '!has(metadata.absent)',
      'payer.owner != payee.owner',
      'time.getHours("Asia/Bangkok") == 7',
      'time >= timestamp("2026-01-01T00:00:00Z")',
      'time_zone == "Asia/Bangkok" && time.getHours(time_zone) == 7',
      'has(signals.z_score_milli) && signals.z_score_milli > 2000 && !has(signals.payments_last_hour)',
      '"z_score_milli" in signals && signals["z_score_milli"] == 2500',
      '!("absent" in signals) || signals.absent > 1',
      'payer.wallet_kind == "PERSONAL" && channel_hint == ""',
      'min(amount, 3) == 3 && max(amount, 3) == amount && clamp(amount, 1, 100) == 100',
      'bps(amount, 25, "half_even") == 38',
      'tiered(amount, [10000], [100, 50], "half_even") == 125',
    ]
    for (const source of truths) {
      assert.deepEqual(checkCondition(source), [], source)
      assert.equal(compileCondition(source)(bindings), true, source)
    }
  })

  it('may not be published when over their bounds', () => {
    const cases: [source: string, problem: RegExp][] = [
      ['true && ' + ' '.repeat(4096) + 'true', /over 4096 bytes/],
      ['amount == 1' + ' || amount == 1'.repeat(200), /over 500 nodes/],
      ['amount >', /does not parse/],
      ['('.repeat(2040) + 'true' + ')'.repeat(2040), /does not parse/],
      ['amount', /does not give a bool/],
      ['amount >= 1.5', /floating-point/],
      ['double(amount) > double("1")', /calls double/],
      ['asset.matches("(a+)+$")', /calls matches/],
      ['now() > time', /calls now/],
      ['false && surprise', /unknown variable surprise/],
      ['constructor == constructor', /unknown variable constructor/],
      ['false && payer.salary > 1', /payer.salary, which does not exist/],
      ['{"a": 1}.size() == 1', /makes a message or a map/],
      ['payer.tags.exists(a, payee.tags.exists(b, a == b))', /nests one comprehension/],
      ['(payer.tags + payer.tags).exists(a, a == "x")', /neither a fact nor a written list/],
      ['payer.tags.map(a, a + a).exists(a, a == "x")', /neither a fact nor a written list/],
      [`[${'1,'.repeat(32)}1].exists(a, a == 2)`, /a written list of at most 32/],
      ['payer.tags.exists(a, "x" in payer.tags + payee.tags)', /_\+_ in a comprehension/],
      ['payer.tags.filter(a, a == "x").size() > 1', /_\+_ in a comprehension/],
      ['payer.tags.exists(a, time.getHours("Asia/Bangkok") > 1)', /getHours in a comprehension/],
      ['metadata.vip == "1"', /fails on facts without metadata, tags and signals, amount 1: field not found: vip/],
      ['payer.tags[0] == "x"', /fails on facts without/],
      ['has(metadata.n) && metadata.n > 3', /fails on facts with metadata/],
      ['amount / 0 > 1', /divide by zero/],
      ['time.getHours("Mars/Olympus") > 1', /time zone/],
      ['signals.z_score_milli > 1', /reads signals\.z_score_milli and does not say what its absence means/],
      ['has(metadata.x) && metadata.x == "y" && signals.z > 1', /reads signals\.z and does not say/],
      ['amount < 0 && signals["z"] > 1', /reads signals\.z and does not say/],
      ['has(signals.a) && signals.z > 1', /reads signals\.z and does not say/],
      ['has(signals.z) || signals.z > 1', /fails on facts without metadata, tags and signals/],
      ['amount < 2 || has(signals.z) || signals.z > 1', /fails on facts with metadata and tags, without signals/],
      ['signals.size() > 1', /otherwise than by a name/],
      ['signals.exists(name, name == "z")', /otherwise than by a name/],
      ['channel_hint in signals && signals[channel_hint] > 1', /otherwise than by a name/],
      ['bps(amount, 25, "up") > 0', /must be "half_even"/],
      ['bps(amount, 10001, "half_even") > 0', /0 to 10000/],
      ['bps(amount, 2.5, "half_even") > 0', /floating-point/],
      ['tiered(amount, [10], [1], "half_even") > 0', /one rate more than bounds/],
      ['tiered(amount, [10, 10], [1, 2, 3], "half_even") > 0', /must ascend/],
      ['tiered(amount, ["10"], [1, 2], "half_even") > 0', /lists of at most 32 ints/],
      [`tiered(amount, [${'1,'.repeat(32)}1], [1], "half_even") > 0`, /lists of at most 32 ints/],
      ['clamp(amount, 2, 1) > 0', /in order/],
      ['payer.tags.exists(a, min(amount, 1) > 0)', /min in a comprehension/],
    ]
    for (const [source, problem] of cases) assert.match(checkCondition(source).join('\n'), problem, source)
  })

  it('fail loudly where they have no answer', () => {
    const overflow = compileCondition('amount * 2 > 0')
    assert.throws(() => overflow(bindFacts(exampleFacts({ amountMinor: 2n ** 63n - 1n }))), ExpressionFailedError)
    const mixed = compileCondition('amount + 1.0 > 0.0')
    assert.throws(() => mixed(bindFacts(exampleFacts({}))), /no matching overload/)
  })

  it('are planned once for all versions that have them, each kind for itself', () => {
    const source = 'amount > 12345'
    assert.equal(compileCondition(source), compileCondition(source))
    assert.notEqual(compileCondition('asset == "THB"'), compileCondition('asset == "USD"'))
    assert.throws(() => compileInt(source)(bindFacts(exampleFacts({}))), /does not give an int/)
  })

  it('give what they are asked for, or are refused', () => {
    const bindings = bindFacts(exampleFacts({ amountMinor: 10_000n }))
    assert.equal(compileInt('bps(amount, 25, "half_even") + 10')(bindings), 35n)
    assert.deepEqual(checkExpression('payer.owner + "/" + asset', 'string', scope), [])
    assert.match(checkExpression('amount', 'string', scope).join(), /does not give a string/)
    assert.match(checkExpression('amount > 1', 'int', scope).join(), /does not give an int/)
  })
})
