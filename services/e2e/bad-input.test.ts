import { randomUUID } from 'node:crypto'
import { type Api, type Person, newPerson, payment } from './api.js'
import { theMesh } from './mesh-under-test.js'
import { type RefusedCase, refuses } from './refusals.js'

const unknownWallet = 'wallets/01900000-0000-7000-8000-000000000000'
const huge = '99999999999999999999999999'
const long = 'x'.repeat(5000)

describe('bad input at the public RPCs', () => {
  let alice: Person
  let bob: Person
  let dollars: string
  let operator: Api

  before(async () => {
    const mesh = await theMesh()
    operator = mesh.operator
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    dollars = (await bob.api.createWallet('USD')).name
    await operator.fund(alice.wallet, 100_00n)
  })

  it('CreateIntent', async () => {
    const good = payment(alice.wallet, bob.wallet, 1_00n)
    const withIntent = (change: object): unknown => ({ ...good, intent: { ...good.intent, ...change } })
    const withAmount = (minorUnits: unknown): unknown => withIntent({ amount: { assetCode: 'THB', minorUnits } })
    const field = (name: string, body: unknown, path: string): RefusedCase => ({
      name,
      path: '/v1/intents',
      body,
      status: 400,
      reason: 'INVALID_FIELD',
      field: path,
    })
    const edge = (name: string, body: unknown): RefusedCase => ({
      name,
      path: '/v1/intents',
      body,
      status: 400,
      reason: 'MALFORMED_REQUEST',
    })
    await refuses(alice.api, [
      field('nothing', {}, 'intent'),
      field('no request id', { intent: good.intent }, 'request_id'),
      field('overlong request id', { ...good, requestId: 'x'.repeat(65) }, 'request_id'),
      field('request id with a space', { ...good, requestId: 'a b' }, 'request_id'),
      field('no operation type', withIntent({ operationType: '' }), 'intent.operation_type'),
      field('unknown operation type', withIntent({ operationType: 'MAGIC' }), 'intent.operation_type'),
      field('an operation type of the house', withIntent({ operationType: 'WALLET_FUNDING' }), 'intent.operation_type'),
      field('no payer', withIntent({ payer: undefined }), 'intent.payer'),
      field('a payer that is nothing', withIntent({ payer: {} }), 'intent.payer'),
      field(
        'a ledger account as payer',
        withIntent({ payer: { account: 'accounts/settlement.THB' } }),
        'intent.payer.account',
      ),
      field('a malformed payer', withIntent({ payer: { wallet: 'wallets/../x' } }), 'intent.payer.wallet'),
      field('an overlong payer', withIntent({ payer: { wallet: long } }), 'intent.payer.wallet'),
      field('no payee', withIntent({ payee: undefined }), 'intent.payee'),
      field('a malformed payee', withIntent({ payee: { wallet: 'bob' } }), 'intent.payee.wallet'),
      field('the same wallet twice', withIntent({ payee: { wallet: alice.wallet } }), 'intent.payee'),
      field('no amount', withIntent({ amount: undefined }), 'intent.amount'),
      field('an amount without units', withIntent({ amount: { assetCode: 'THB' } }), 'intent.amount.minor_units'),
      field('zero', withAmount('0'), 'intent.amount.minor_units'),
      field('a negative amount', withAmount('-5'), 'intent.amount.minor_units'),
      field('an amount that overflows with its fees', withAmount('9223372036854775807'), 'intent.amount.minor_units'),
      field('no asset', withIntent({ amount: { minorUnits: '1' } }), 'intent.amount.asset_code'),
      field(
        'a malformed asset',
        withIntent({ amount: { assetCode: 'thb!', minorUnits: '1' } }),
        'intent.amount.asset_code',
      ),
      field('too much metadata', withIntent({ metadata: { note: long } }), 'intent.metadata'),
      field(
        'too many metadata keys',
        withIntent({ metadata: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`k${n}`, 'v'])) }),
        'intent.metadata',
      ),
      field('a state of the caller’s own', withIntent({ state: 'INTENT_STATE_SETTLED' }), 'intent.state'),
      edge('an amount beyond 64 bits', withAmount(huge)),
      edge('a fraction', withAmount(1.5)),
      edge('text for a number', withAmount('many')),
      edge('a list', []),
      {
        name: 'an unknown payer',
        path: '/v1/intents',
        body: withIntent({ payer: { wallet: unknownWallet } }),
        status: 404,
        reason: 'WALLET_NOT_FOUND',
      },
      {
        name: 'somebody else’s wallet',
        path: '/v1/intents',
        body: withIntent({ payer: { wallet: bob.wallet }, payee: { wallet: alice.wallet } }),
        status: 403,
        reason: 'NOT_OWNER',
      },
      {
        name: 'an unknown payee',
        path: '/v1/intents',
        body: withIntent({ payee: { wallet: unknownWallet } }),
        status: 404,
        reason: 'WALLET_NOT_FOUND',
      },
      {
        name: 'a payee in another asset',
        path: '/v1/intents',
        body: withIntent({ payee: { wallet: dollars } }),
        status: 400,
        reason: 'ASSET_MISMATCH',
      },
      {
        name: 'an amount in another asset',
        path: '/v1/intents',
        body: withIntent({ amount: { assetCode: 'USD', minorUnits: '1' } }),
        status: 400,
        reason: 'ASSET_MISMATCH',
      },
    ])
  })

  it('PreviewIntent', async () => {
    const { intent } = payment(alice.wallet, bob.wallet, 1_00n)
    const path = '/v1/intents:preview'
    await refuses(alice.api, [
      { name: 'nothing', path, body: {}, status: 400, reason: 'INVALID_FIELD', field: 'intent' },
      {
        name: 'zero',
        path,
        body: { intent: { ...intent, amount: { assetCode: 'THB', minorUnits: '0' } } },
        status: 400,
        reason: 'INVALID_FIELD',
        field: 'intent.amount.minor_units',
      },
      {
        name: 'somebody else’s wallet',
        path,
        body: { intent: { ...intent, payer: intent.payee, payee: intent.payer } },
        status: 403,
        reason: 'NOT_OWNER',
      },
    ])
  })

  it('GetIntent, WatchIntent and ListIntents', async () => {
    const get = { method: 'GET', status: 400, reason: 'INVALID_FIELD' }
    await refuses(alice.api, [
      { ...get, name: 'a name that is no UUID', path: '/v1/intents/7', field: 'name' },
      { ...get, name: 'an overlong name', path: `/v1/intents/${long}`, field: 'name' },
      {
        ...get,
        name: 'an unknown intent',
        path: `/v1/intents/${randomUUID()}`,
        status: 404,
        reason: 'INTENT_NOT_FOUND',
      },
      { ...get, name: 'watching a name that is no UUID', path: '/v1/intents/7:watch', field: 'name' },
      {
        ...get,
        name: 'watching an unknown intent',
        path: `/v1/intents/${randomUUID()}:watch`,
        status: 404,
        reason: 'INTENT_NOT_FOUND',
      },
      { ...get, name: 'a negative page', path: '/v1/intents?pageSize=-1', field: 'page_size' },
      { ...get, name: 'a huge page', path: '/v1/intents?pageSize=1001', field: 'page_size' },
      { ...get, name: 'a made-up page token', path: '/v1/intents?pageToken=hello', field: 'page_token' },
      { ...get, name: 'a wallet that is none', path: '/v1/intents?wallet=bob', field: 'wallet' },
      { ...get, name: 'text for the page size', path: '/v1/intents?pageSize=ten', reason: 'MALFORMED_REQUEST' },
    ])
  })

  it('CreateWallet, GetWallet and ListWallets', async () => {
    const path = '/v1/wallets'
    const invalid = { path, status: 400, reason: 'INVALID_FIELD' }
    const requestId = randomUUID()
    await refuses(alice.api, [
      { ...invalid, name: 'nothing', body: {}, field: 'wallet' },
      { ...invalid, name: 'no request id', body: { wallet: { assetCode: 'THB' } }, field: 'request_id' },
      { ...invalid, name: 'no asset', body: { requestId, wallet: {} }, field: 'wallet.asset_code' },
      {
        ...invalid,
        name: 'a malformed asset',
        body: { requestId, wallet: { assetCode: 'thb' } },
        field: 'wallet.asset_code',
      },
      {
        ...invalid,
        name: 'an overlong name',
        body: { requestId, wallet: { assetCode: 'THB', displayName: long } },
        field: 'wallet.display_name',
      },
      {
        ...invalid,
        name: 'an owner of the caller’s own',
        body: { requestId, wallet: { assetCode: 'THB', owner: bob.name } },
        field: 'wallet.owner',
      },
      {
        ...invalid,
        name: 'an unknown asset',
        body: { requestId, wallet: { assetCode: 'XXX' } },
        reason: 'ASSET_NOT_FOUND',
      },
      { ...invalid, name: 'a name that is no UUID', method: 'GET', path: '/v1/wallets/7', field: 'name' },
      {
        ...invalid,
        name: 'an unknown wallet',
        method: 'GET',
        path: `/v1/${unknownWallet}`,
        status: 404,
        reason: 'WALLET_NOT_FOUND',
      },
      { ...invalid, name: 'a huge page', method: 'GET', path: '/v1/wallets?pageSize=5000', field: 'page_size' },
    ])
  })

  it('FundWallet', async () => {
    const path = `/v1/${alice.wallet}:fund`
    const good = { requestId: randomUUID(), amount: { assetCode: 'THB', minorUnits: '100' } }
    const invalid = { path, status: 400, reason: 'INVALID_FIELD' }
    await refuses(operator, [
      { ...invalid, name: 'nothing', body: {}, field: 'amount' },
      { ...invalid, name: 'no request id', body: { amount: good.amount }, field: 'request_id' },
      {
        ...invalid,
        name: 'zero',
        body: { ...good, amount: { assetCode: 'THB', minorUnits: '0' } },
        field: 'amount.minor_units',
      },
      {
        ...invalid,
        name: 'a negative amount',
        body: { ...good, amount: { assetCode: 'THB', minorUnits: '-1' } },
        field: 'amount.minor_units',
      },
      { ...invalid, name: 'an overlong reference', body: { ...good, reference: long }, field: 'reference' },
      {
        ...invalid,
        name: 'another asset',
        body: { ...good, amount: { assetCode: 'USD', minorUnits: '1' } },
        reason: 'ASSET_MISMATCH',
      },
      {
        ...invalid,
        name: 'an unknown wallet',
        path: `/v1/${unknownWallet}:fund`,
        body: good,
        status: 404,
        reason: 'WALLET_NOT_FOUND',
      },
      { ...invalid, name: 'a name that is no UUID', path: '/v1/wallets/7:fund', body: good, field: 'name' },
    ])
  })

  it('RegisterUser, CreateSession, RefreshSession and GetUser', async () => {
    const { api } = await theMesh()
    const user = { email: `${randomUUID()}@example.com` }
    const password = 'correct horse'
    const invalid = { path: '/v1/users', status: 400, reason: 'INVALID_FIELD' }
    const session = { ...invalid, path: '/v1/sessions' }
    await refuses(api, [
      { ...invalid, name: 'nothing', body: {}, field: 'user' },
      { ...invalid, name: 'no e-mail', body: { user: {}, password }, field: 'user.email' },
      { ...invalid, name: 'no address', body: { user: { email: 'me' }, password }, field: 'user.email' },
      {
        ...invalid,
        name: 'an overlong address',
        body: { user: { email: `${long}@example.com` }, password },
        field: 'user.email',
      },
      { ...invalid, name: 'no password', body: { user }, field: 'password' },
      { ...invalid, name: 'a short password', body: { user, password: 'short' }, field: 'password' },
      { ...invalid, name: 'an overlong password', body: { user, password: long }, field: 'password' },
      {
        ...invalid,
        name: 'roles of the caller’s own',
        body: { user: { ...user, roles: ['admin'] }, password },
        field: 'user.roles',
      },
      { ...session, name: 'nothing', body: {}, field: 'email' },
      { ...session, name: 'an unknown user', body: { ...user, password }, status: 401, reason: 'WRONG_CREDENTIALS' },
      { ...session, name: 'no refresh token', path: '/v1/sessions:refresh', body: {}, field: 'refresh_token' },
      {
        ...session,
        name: 'a made-up refresh token',
        path: '/v1/sessions:refresh',
        body: { refreshToken: 'x' },
        status: 401,
        reason: 'REFRESH_TOKEN_INVALID',
      },
      {
        name: 'somebody else',
        caller: alice.api,
        method: 'GET',
        path: `/v1/${bob.name}`,
        status: 403,
        reason: 'NOT_OWNER',
      },
      {
        name: 'a name that is no UUID',
        caller: alice.api,
        method: 'GET',
        path: '/v1/users/7',
        status: 400,
        reason: 'INVALID_FIELD',
        field: 'name',
      },
    ])
  })

  it('the operator’s RPCs', async () => {
    const invalid = { status: 400, reason: 'INVALID_FIELD' }
    await refuses(operator, [
      { ...invalid, name: 'an asset that is none', path: '/v1/ledger/assets', body: {}, field: 'asset.asset_code' },
      {
        ...invalid,
        name: 'an asset without a scale',
        path: '/v1/ledger/assets',
        body: { asset: { assetCode: 'EUR' } },
        field: 'asset.scale',
      },
      {
        ...invalid,
        name: 'a scale that is too large',
        path: '/v1/ledger/assets',
        body: { asset: { assetCode: 'EUR', scale: 19 } },
        field: 'asset.scale',
      },
      {
        name: 'an asset with another scale',
        path: '/v1/ledger/assets',
        body: { asset: { assetCode: 'THB', scale: 3 } },
        status: 409,
        reason: 'ASSET_EXISTS_DIFFERENT',
      },
      { ...invalid, name: 'an account that is none', path: '/v1/ledger/accounts', body: {}, field: 'account.kind' },
      {
        ...invalid,
        name: 'an account of no kind',
        path: '/v1/ledger/accounts',
        body: { accountId: 'a', account: { assetCode: 'THB' } },
        field: 'account.kind',
      },
      {
        name: 'an account in an unknown asset',
        path: '/v1/ledger/accounts',
        body: { accountId: 'a', account: { assetCode: 'XXX', kind: 'ACCOUNT_KIND_FEE' } },
        status: 404,
        reason: 'ASSET_NOT_FOUND',
      },
      {
        name: 'an unknown account',
        method: 'GET',
        path: '/v1/ledger/accounts/nothing',
        status: 404,
        reason: 'ACCOUNT_NOT_FOUND',
      },
      { ...invalid, name: 'a reconciliation of nothing', path: '/v1/ledger:reconcile', body: [{}], field: 'account' },
      {
        name: 'a reconciliation of an unknown account',
        path: '/v1/ledger:reconcile',
        body: [{ account: 'accounts/nothing', last: true }],
        status: 404,
        reason: 'ACCOUNT_NOT_FOUND',
      },
      { name: 'a grant by an operator', path: '/v1/admin/grants', body: {}, status: 403, reason: 'PERMISSION_MISSING' },
      { ...invalid, name: 'a peer that is none', path: '/v1/admin/peers', body: {}, field: 'peer_id' },
      {
        ...invalid,
        name: 'a weak token',
        path: '/v1/admin/peers',
        body: { peerId: 'p', peer: { assetCode: 'USD', assetScale: 2 }, incomingToken: 'short' },
        field: 'incoming_token',
      },
      { name: 'an unknown peer', method: 'GET', path: '/v1/admin/peers/nobody', status: 404, reason: 'PEER_NOT_FOUND' },
    ])
  })

  it('the administrator’s RPCs', async () => {
    const invalid = { status: 400, reason: 'INVALID_FIELD' }
    await refuses((await theMesh()).admin, [
      { ...invalid, name: 'a grant of nothing', path: '/v1/admin/grants', body: {}, field: 'user' },
      {
        ...invalid,
        name: 'a role that is none',
        path: '/v1/admin/grants',
        body: { user: alice.name, role: 'king' },
        field: 'role',
      },
      {
        name: 'a grant to nobody',
        path: '/v1/admin/grants',
        body: { user: `users/${randomUUID()}`, role: 'support' },
        status: 404,
        reason: 'USER_NOT_FOUND',
      },
    ])
  })
  it('RuleSetService', async () => {
    const path = '/v1/admin/ruleSets'
    const invalid = { path, status: 400, reason: 'INVALID_FIELD' }
    const missing = { status: 404, reason: 'RULE_SET_NOT_FOUND' }
    const draft = `${path}/${randomUUID()}`
    const ruleSet = { document: { routes: [], fees: [] } }
    await refuses((await theMesh()).admin, [
      { ...invalid, name: 'nothing', body: {}, field: 'rule_set' },
      { ...invalid, name: 'no request id', body: { ruleSet }, field: 'request_id' },
      { ...invalid, name: 'no document', body: { requestId: 'r', ruleSet: {} }, field: 'rule_set.document' },
      {
        ...invalid,
        name: 'a text for a document',
        body: { requestId: 'r', ruleSet: { document: 'routes' } },
        reason: 'MALFORMED_REQUEST',
      },
      {
        ...invalid,
        name: 'an author',
        body: { requestId: 'r', ruleSet: { ...ruleSet, author: 'users/x' } },
        field: 'rule_set.author',
      },
      { ...invalid, name: 'a name that is none', method: 'GET', path: `${path}/x`, field: 'name' },
      { ...missing, name: 'an unknown version', method: 'GET', path: `${path}/999999` },
      { ...missing, name: 'an unknown draft', method: 'GET', path: draft },
      { ...invalid, name: 'a huge page', method: 'GET', path: `${path}?pageSize=1001`, field: 'page_size' },
      { ...invalid, name: 'a made-up token', method: 'GET', path: `${path}?pageToken=x`, field: 'page_token' },
      {
        ...invalid,
        name: 'a change without an etag',
        method: 'PATCH',
        path: draft,
        body: ruleSet,
        field: 'rule_set.etag',
      },
      { ...missing, name: 'a change of nothing', method: 'PATCH', path: draft, body: { ...ruleSet, etag: '"1"' } },
      { ...invalid, name: 'validating nothing', path: `${path}:validate`, body: {}, field: 'source' },
      { ...invalid, name: 'a dry run of no payments', path: `${draft}:dryRun`, body: {}, field: 'facts' },
      {
        ...invalid,
        name: 'publishing without a reason',
        path: `${draft}:publish`,
        body: { etag: '"1"' },
        field: 'reason',
      },
      { ...missing, name: 'publishing nothing', path: `${draft}:publish`, body: { etag: '"1"', reason: 'r' } },
      {
        ...invalid,
        name: 'rolling back from nothing',
        path: `${path}/1:rollBack`,
        body: { reason: 'r' },
        field: 'replaced_version',
      },
      {
        name: 'rolling back what is not in force',
        path: `${path}/1:rollBack`,
        body: { reason: 'r', replacedVersion: '999999' },
        status: 409,
        reason: 'BASE_VERSION_OUTDATED',
      },
      {
        ...invalid,
        name: 'a comparison with nothing',
        method: 'GET',
        path: `${path}:diff?before=ruleSets/1`,
        field: 'after',
      },
      {
        ...invalid,
        name: 'an expression of no kind',
        path: `${path}:tryExpression`,
        body: { expression: 'true' },
        field: 'result',
      },
    ])
  })
})
