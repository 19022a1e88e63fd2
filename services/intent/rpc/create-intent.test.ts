import assert from 'node:assert/strict'
import { AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import { CreateIntentRequest, IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import {
  CaptureMode,
  type ExternalParty,
  type Intent,
  IntentState,
  type Party,
} from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails, type ExpectedFailure } from '../test/assert-fails.js'
import { TestMesh } from '../test/mesh.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent, sharedMesh } from '../test/shared-mesh.js'

const unknownWallet = 'wallets/0190a000-0000-7000-8000-00000000dead'

describe('CreateIntent', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let ann: Wallet
  let ben: Wallet
  let dollars: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await sharedMesh()
    intent = await sharedIntent()
    ann = await intent.wallet('create-ann', 1_000_000n)
    ben = await intent.wallet('create-ben')
    dollars = await intent.wallet('create-ben', 0n, 'USD')
  })
  after(() => mesh.assertConserved())

  const me: As = { user: 'create-ann' }

  function create(request: CreateIntentRequest, as: As = me) {
    return intent.call(IntentServiceService.createIntent, request, as)
  }

  /** A good request, changed. */
  function request(change: (intent: Intent, request: CreateIntentRequest) => void): CreateIntentRequest {
    const good = paymentRequest(ann, ben, 10_000n)
    change(good.intent!, good)
    return good
  }

  const party = (wallet: string) => ({ party: { $case: 'wallet' as const, wallet } })

  it('settles with tags of the payer as facts', async () => {
    const { message } = await create(paymentRequest(ann, ben, 10_000n), { ...me, tags: ['kyc_verified'] })
    assert.equal(message.intent?.state, IntentState.SETTLED)
    assert.equal(message.intent.decision?.ruleSetVersion, 1n)
    assert.equal(message.intent.decision.digest.length, 32)
  })

  const outside = (party: ExternalParty['party']): Party => ({ party: { $case: 'external', external: { party } } })
  const bank = (bankCode: string, accountNumber: string) =>
    outside({ $case: 'bankAccount', bankAccount: { bankCode, accountNumber } })
  const phone = outside({ $case: 'accountNumber', accountNumber: '+66812345678' })
  const nowhere = outside(undefined)
  const withdrawal = (payee: Party | undefined) => ({ operationType: 'IPPS_WITHDRAWAL', payee })

  // PromptPay of +66 81 234 5678, for any amount.
  const staticQr = '00020101021129370016A000000677010111011300668012345675802TH530376463046197'
  const scanned = (qrPayload: string) => ({
    operationType: 'THAI_QR_PAY',
    payee: outside({ $case: 'qrPayload', qrPayload }),
  })

  it('rejects what needs a provider that this process does not have', async () => {
    const payee = bank('004', '1234567890')
    const { message } = await create(request((i) => Object.assign(i, withdrawal(payee))))
    assert.equal(message.intent?.state, IntentState.REJECTED)
    assert.equal(message.intent.failure?.reason, 'NO_CHANNEL')
    assert.deepEqual(message.intent.payee, payee)
  })

  const invalid: [string, (intent: Intent, request: CreateIntentRequest) => void, string[]][] = [
    ['nothing', (_, r) => Object.assign(r, CreateIntentRequest.fromPartial({})), everything()],
    ['no request id', (_, r) => (r.requestId = ''), ['request_id']],
    ['a long request id', (_, r) => (r.requestId = 'x'.repeat(65)), ['request_id']],
    ['an odd request id', (_, r) => (r.requestId = 'a b'), ['request_id']],
    ['no operation type', (i) => (i.operationType = ''), ['intent.operation_type']],
    ['another operation type', (i) => (i.operationType = 'NO_SUCH_TYPE'), ['intent.operation_type']],
    ["an RPC's own operation type", (i) => (i.operationType = 'WALLET_FUNDING'), ['intent.operation_type']],
    ['no payer', (i) => (i.payer = undefined), ['intent.payer']],
    ['an empty payer', (i) => (i.payer = { party: undefined }), ['intent.payer']],
    [
      'a payer that is an account',
      (i) => (i.payer = { party: { $case: 'account', account: 'accounts/settlement.THB' } }),
      ['intent.payer.account'],
    ],
    [
      'a payee that is an account',
      (i) => (i.payee = { party: { $case: 'account', account: 'accounts/fees.THB' } }),
      ['intent.payee.account'],
    ],
    ['a payer that is no name', (i) => (i.payer = party('wallets/x')), ['intent.payer.wallet']],
    ['a payee in capitals', (i) => (i.payee = party(ben.name.toUpperCase())), ['intent.payee.wallet']],
    ['the same wallet', (i) => (i.payee = i.payer), ['intent.payee']],
    ['a payee outside', (i) => (i.payee = bank('004', '1234567890')), ['intent.payee.external']],
    ['a wallet to withdraw to', (i) => (i.operationType = 'IPPS_WITHDRAWAL'), ['intent.payee.wallet']],
    ['nobody to withdraw to', (i) => Object.assign(i, withdrawal(undefined)), ['intent.payee']],
    ['nothing to withdraw to', (i) => Object.assign(i, withdrawal(nowhere)), ['intent.payee.external']],
    ['a QR code that is none', (i) => Object.assign(i, scanned('0002')), ['intent.payee.external.qr_payload']],
    [
      'a QR code of another currency',
      (i) => Object.assign(i, scanned(staticQr), { amount: amount('USD', 1n) }),
      ['intent.amount.asset_code'],
    ],
    ['another kind of payee outside', (i) => Object.assign(i, withdrawal(phone)), ['intent.payee.external']],
    [
      'a bank and an account that are none',
      (i) => Object.assign(i, withdrawal(bank('4', '12 34'))),
      ['intent.payee.external.bank_account.bank_code', 'intent.payee.external.bank_account.account_number'],
    ],
    [
      'a withdrawal to be confirmed',
      (i) => Object.assign(i, withdrawal(bank('004', '1234567890')), { captureMode: CaptureMode.MANUAL }),
      ['intent.capture_mode'],
    ],
    ["a provider's reference", (i) => (i.providerReference = 'x'), ['intent.provider_reference']],
    ['no amount', (i) => (i.amount = undefined), ['intent.amount']],
    [
      'an empty amount',
      (i) => (i.amount = amount('', undefined)),
      ['intent.amount.asset_code', 'intent.amount.minor_units'],
    ],
    ['zero', (i) => (i.amount = amount('THB', 0n)), ['intent.amount.minor_units']],
    ['less than zero', (i) => (i.amount = amount('THB', -1n)), ['intent.amount.minor_units']],
    [
      'an amount without room for fees',
      (i) => (i.amount = amount('THB', 2n ** 63n - 1n)),
      ['intent.amount.minor_units'],
    ],
    ['an asset in small letters', (i) => (i.amount = amount('thb', 1n)), ['intent.amount.asset_code']],
    ['33 pairs', (i) => (i.metadata = pairs(33, 'v')), ['intent.metadata']],
    ['too many bytes', (i) => (i.metadata = { note: 'ก'.repeat(1366) }), ['intent.metadata']],
    ['an empty key', (i) => (i.metadata = { '': 'v' }), ['intent.metadata']],
    ['a zero character', (i) => (i.metadata = { note: 'a\u0000b' }), ['intent.metadata']],
    ['a name', (i) => (i.name = 'intents/1'), ['intent.name']],
    ['a state', (i) => (i.state = IntentState.SETTLED), ['intent.state']],
    [
      'a decision',
      (i) =>
        (i.decision = {
          ruleSetVersion: 1n,
          channel: '',
          fees: [],
          limitLegs: [],
          risk: undefined,
          requiredLevel: AuthLevel.UNSPECIFIED,
          refusal: undefined,
          digest: Buffer.alloc(0),
        }),
      ['intent.decision'],
    ],
    ['totals', (i) => (i.payerTotal = i.payeeTotal = amount('THB', 1n)), ['intent.payer_total', 'intent.payee_total']],
    [
      'a creator and an etag',
      (i) => Object.assign(i, { creator: 'users/eve', etag: '"1"' }),
      ['intent.creator', 'intent.etag'],
    ],
  ]

  function everything(): string[] {
    return ['request_id', 'intent', 'intent.operation_type', 'intent.payer', 'intent.payee', 'intent.amount']
  }

  function amount(assetCode: string, minorUnits: bigint | undefined) {
    return { assetCode, minorUnits }
  }

  function pairs(count: number, value: string): Record<string, string> {
    return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]))
  }

  for (const [name, change, fields] of invalid) {
    it(`refuses ${name}`, async () => {
      const before = (await mesh.intents()).length
      await assertFails(create(request(change)), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
      assert.equal((await mesh.intents()).length, before, 'nothing is written')
    })
  }

  it('takes the largest metadata that it allows', async () => {
    const metadata = { ...pairs(31, ''), note: 'ก'.repeat(1330) }
    const { message } = await create(request((i) => (i.metadata = metadata)))
    assert.deepEqual(message.intent?.metadata, metadata)
  })

  // Each request is wrong in everything that comes later, too.
  const precedence: [string, As, (intent: Intent, request: CreateIntentRequest) => void, ExpectedFailure][] = [
    ['an unknown peer', { peer: 'connector' }, wrongInAll, { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' }],
    ['nobody', { anonymous: true }, wrongInAll, { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' }],
    [
      'someone without the permission',
      { user: 'create-ann', permissions: ['intents:read'] },
      wrongInAll,
      { reason: 'PERMISSION_MISSING', code: 'PERMISSION_DENIED' },
    ],
    ["another's wallet", { user: 'create-eve' }, wrongInAll, { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' }],
    [
      'a malformed request',
      me,
      wrongInAll,
      { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['intent.operation_type'] },
    ],
    [
      'an unknown payer',
      me,
      (i) => {
        wrongState(i)
        i.payer = party(unknownWallet)
      },
      { reason: 'WALLET_NOT_FOUND', code: 'NOT_FOUND', metadata: { wallet: unknownWallet } },
    ],
    [
      'an unknown payee',
      me,
      (i) => {
        wrongState(i)
        i.payee = party(unknownWallet)
      },
      { reason: 'WALLET_NOT_FOUND', code: 'NOT_FOUND', metadata: { wallet: unknownWallet } },
    ],
    ['another asset', me, wrongState, { reason: 'ASSET_MISMATCH', code: 'FAILED_PRECONDITION' }],
    [
      'a payee of another asset',
      me,
      (i) => (i.payee = party(dollars.name)),
      { reason: 'ASSET_MISMATCH', code: 'FAILED_PRECONDITION' },
    ],
  ]

  function wrongInAll(i: Intent): void {
    wrongState(i)
    i.operationType = 'NO_SUCH'
  }

  function wrongState(i: Intent): void {
    i.amount = amount('USD', 1n)
  }

  for (const [name, as, change, failure] of precedence) {
    it(`refuses ${name} with ${failure.reason}`, async () => {
      await assertFails(create(request(change), as), failure)
    })
  }

  it('answers a request that was made before whatever else is wrong by now', async () => {
    const made = paymentRequest(ann, ben, 10_000n)
    const { message } = await create(made)
    const { message: again, headers } = await create(made)
    assert.deepEqual(again, message)
    assert.deepEqual(headers.get('idempotent-replay'), ['true'])
    const other = request((i, r) => {
      wrongState(i)
      r.requestId = made.requestId
    })
    await assertFails(create(other), { reason: 'REQUEST_ID_REUSED', code: 'ALREADY_EXISTS' })
  })

  it('is not for operators, who own no wallet', async () => {
    await assertFails(create(paymentRequest(ann, ben, 1n), operator), {
      reason: 'PEER_NOT_ALLOWED',
      code: 'PERMISSION_DENIED',
    })
  })

  it('turns away what is too much, before anything is done', async () => {
    const own = await TestMesh.start()
    const watch = { heartbeatMs: 1_000, openMsMax: 1_000 }
    const small = await own.startIntent({ limits: { paymentsMax: 1, watchersMax: 1, watch } })
    const [payer, payee] = [await small.wallet('ann', 100_000n), await small.wallet('ben')]
    own.rules.freeze()
    const first = small.pay('ann', paymentRequest(payer, payee, 10_000n))
    const second = small.pay('ann', paymentRequest(payer, payee, 10_000n))
    const error = await assertFails(second, { reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED' })
    assert.ok((error.retryAfterMs ?? 0) > 0)
    own.rules.thaw()
    assert.equal((await first).message.state, IntentState.SETTLED)
    assert.equal((await own.intents()).length, 2, 'the funding and the first payment')
    await own.stop()
  }).timeout(60_000)
})
