import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { testDatabase } from '../../../dev/testing.js'
import { type Account, AccountKind, AccountState } from '../../../gen/paymesh/ledger/v1/account.js'
import {
  CreateAccountRequest,
  EnsureLimitAccountRequest,
  Leg,
  PostChainRequest,
  PostHoldRequest,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { Asset } from '../../../gen/paymesh/ledger/v1/asset.js'
import { LimitMetric, LimitWindow } from '../../../gen/paymesh/ledger/v1/limit.js'
import { type Call } from '../../runtime/call.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { AssetStore } from '../asset-store.js'
import { type Engine } from '../engine.js'
import { NamedAccountStore } from '../named-account-store.js'
import { closeAccount } from '../rpc/close-account.js'
import { createAccount } from '../rpc/create-account.js'
import { createAsset } from '../rpc/create-asset.js'
import { ensureLimitAccount } from '../rpc/ensure-limit-account.js'
import { freezeAccount } from '../rpc/freeze-account.js'
import { getAccount } from '../rpc/get-account.js'
import { postChain } from '../rpc/post-chain.js'
import { postHold } from '../rpc/post-hold.js'
import { unfreezeAccount } from '../rpc/unfreeze-account.js'
import { voidHold } from '../rpc/void-hold.js'
import { TestEngine } from './harness.js'
import { verifyBooks } from './verify.js'

interface Deps {
  readonly engine: Engine
  readonly names: NamedAccountStore
  readonly assets: AssetStore
  readonly namespace: string
}

/** The process died; whoever asked hears nothing more. */
class Death extends Error {}

const DURABLE = new Set<PropertyKey>(['createAccounts', 'createTransfers', 'define', 'changeLifecycle', 'changeLabels'])

/** The same object, in a process that dies right before or right after its nth durable step. */
function mortal(deps: Deps, step: number, isDone: boolean): Deps {
  let count = 0
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, key) {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>
        if (!DURABLE.has(key)) return method
        return async (...args: unknown[]) => {
          if (count > step) throw new Death()
          const isLast = count++ === step
          if (isLast && !isDone) throw new Death()
          const result = await method(...args)
          if (isLast) throw new Death()
          return result
        }
      },
    })
  return { ...deps, engine: wrap(deps.engine), names: wrap(deps.names), assets: wrap(deps.assets) }
}

type Request = (deps: Deps) => Promise<unknown>

/** What may be interrupted, made anew for each place where it may be. */
interface Interrupted {
  readonly what: string
  /** Makes what it needs, and answers the request and a check of what came of it. */
  prepare(): Promise<{ readonly request: Request; readonly check: () => Promise<void> }>
}

// What handlers ask of a call.
const needed: Pick<Call, 'signal' | 'caller'> = {
  signal: new AbortController().signal,
  caller: { kind: 'peer', peer: 'intent' },
}
const call = needed as Call

describe('a call that dies between two of its steps', function () {
  this.timeout(30_000)
  let made: TestEngine
  let deps: Deps
  let count = 0
  before(async () => {
    made = await TestEngine.start(await testDatabase('ledger'))
    const { engine, pool } = made
    deps = { engine, names: new NamedAccountStore(pool), assets: new AssetStore(pool), namespace: 'paymesh' }
    await createAsset(deps, call, { asset: Asset.fromPartial({ assetCode: 'THB', scale: 2 }) })
    await createAccount(deps, call, wanted('bank', AccountKind.SETTLEMENT))
  })
  afterEach(() => verifyBooks(made.pool))
  after(() => made.stop())

  const wanted = (accountId: string, kind: AccountKind = AccountKind.WALLET) =>
    CreateAccountRequest.fromPartial({ accountId, account: { assetCode: 'THB', kind } })
  const chain = (
    debitAccount: string,
    creditAccount: string,
    minorUnits: bigint,
    more: Parameters<typeof PostChainRequest.fromPartial>[0] = {},
  ) => {
    const legs = [Leg.fromPartial({ debitAccount, creditAccount, amount: { assetCode: 'THB', minorUnits }, code: 1 })]
    return PostChainRequest.fromPartial({ requestId: randomUUID(), legs, ...more })
  }
  async function newAccount(minorUnits: bigint): Promise<string> {
    const id = `a${++count}`
    await createAccount(deps, call, wanted(id))
    if (minorUnits > 0n) await postChain(deps, call, chain('accounts/bank', `accounts/${id}`, minorUnits))
    return `accounts/${id}`
  }
  async function held(account: string, minorUnits: bigint): Promise<string> {
    const request = chain(account, 'accounts/bank', minorUnits, { hold: { timeoutSeconds: 0 } })
    return (await postChain(deps, call, request)).hold
  }
  const accountOf = async (name: string): Promise<Account> => (await getAccount(deps, call, { name })).account!
  async function assertHas(name: string, posted: bigint, pending: bigint): Promise<void> {
    const { balances } = await accountOf(name)
    assert.deepEqual([balances?.posted?.minorUnits, balances?.debitsPending?.minorUnits], [posted, pending], name)
  }

  /** Interrupts at every step, before and after it, and has `resume` go on; answers how many places there were. */
  async function interruptEverywhere(interrupted: Interrupted, resume?: Request): Promise<number> {
    for (let step = 0; ; step++) {
      for (const isDone of [false, true]) {
        const { request, check } = await interrupted.prepare()
        const outcome = await request(mortal(deps, step, isDone)).catch((error: unknown) => error)
        if (outcome instanceof Error && !(outcome instanceof Death)) throw outcome
        if (!(outcome instanceof Death)) return 2 * step
        await (resume ?? request)(deps)
        await check()
      }
    }
  }

  const limitOf = (scopeKey: string, cap: bigint, version: bigint) => {
    const fields = { limit: 'daily', scopeKey, window: '2026-11-21', metric: LimitMetric.AMOUNT, assetCode: 'THB' }
    return EnsureLimitAccountRequest.fromPartial({ window: LimitWindow.fromPartial(fields), cap, version })
  }

  const calls: readonly (Interrupted & { readonly places: number })[] = [
    {
      what: 'CreateAsset',
      places: 2,
      async prepare() {
        const asset = Asset.fromPartial({ assetCode: `A${++count}`, scale: 3 })
        const request: Request = (given) => createAsset(given, call, { asset })
        return Promise.resolve({
          request,
          check: async () => {
            assert.equal((await deps.assets.find(asset.assetCode))?.scale, 3)
          },
        })
      },
    },
    {
      what: 'CreateAccount',
      places: 4,
      async prepare() {
        const id = `a${++count}`
        const request: Request = (given) => createAccount(given, call, wanted(id))
        return Promise.resolve({ request, check: () => assertHas(`accounts/${id}`, 0n, 0n) })
      },
    },
    {
      what: 'PostChain with accounts made first',
      places: 10,
      async prepare() {
        const ids = [`a${++count}`, `a${++count}`]
        const accounts = ids.map((id) => wanted(id))
        const posting = chain('accounts/bank', `accounts/${ids[1]!}`, 7n, { accounts })
        const check = async () => {
          await assertHas(`accounts/${ids[0]!}`, 0n, 0n)
          await assertHas(`accounts/${ids[1]!}`, 7n, 0n)
        }
        return Promise.resolve({ request: (given: Deps) => postChain(given, call, posting), check })
      },
    },
    {
      what: 'PostChain that holds',
      places: 2,
      async prepare() {
        const account = await newAccount(10n)
        const holding = chain(account, 'accounts/bank', 4n, { hold: { timeoutSeconds: 0 } })
        return { request: (given) => postChain(given, call, holding), check: () => assertHas(account, 10n, 4n) }
      },
    },
    {
      what: 'PostHold in part',
      places: 2,
      async prepare() {
        const account = await newAccount(10n)
        const amounts = [{ assetCode: 'THB', minorUnits: 3n }]
        const hold = await held(account, 4n)
        const posting = PostHoldRequest.fromPartial({ requestId: randomUUID(), hold, amounts })
        return { request: (given) => postHold(given, call, posting), check: () => assertHas(account, 7n, 0n) }
      },
    },
    {
      what: 'VoidHold',
      places: 2,
      async prepare() {
        const account = await newAccount(10n)
        const voiding = { requestId: randomUUID(), hold: await held(account, 4n) }
        return { request: (given) => voidHold(given, call, voiding), check: () => assertHas(account, 10n, 0n) }
      },
    },
    {
      what: 'EnsureLimitAccount that opens a window',
      places: 4,
      async prepare() {
        const limit = limitOf(`users.${++count}`, 100n, 1n)
        const check = async () => {
          const { usage } = await ensureLimitAccount(deps, call, limit)
          assert.deepEqual(usage, { cap: 100n, used: 0n, left: 100n, held: 0n })
        }
        return Promise.resolve({ request: (given: Deps) => ensureLimitAccount(given, call, limit), check })
      },
    },
    {
      what: 'EnsureLimitAccount that changes the cap',
      places: 6,
      async prepare() {
        const scopeKey = `users.${++count}`
        await ensureLimitAccount(deps, call, limitOf(scopeKey, 100n, 1n))
        const limit = limitOf(scopeKey, 250n, 2n)
        const check = async () => {
          const { usage } = await ensureLimitAccount(deps, call, limit)
          assert.deepEqual(usage, { cap: 250n, used: 0n, left: 250n, held: 0n })
        }
        return { request: (given) => ensureLimitAccount(given, call, limit), check }
      },
    },
  ]
  for (const interrupted of calls) {
    it(`is completed when it is asked for again: ${interrupted.what}`, async () => {
      assert.equal(await interruptEverywhere(interrupted), interrupted.places, 'each place was tried')
    })
  }

  /** The account at rest, and that it takes money when it is open and only then. */
  async function stateOf(name: string): Promise<AccountState> {
    const { state } = await accountOf(name)
    const moved = await postChain(deps, call, chain('accounts/bank', name, 1n)).then(
      () => true,
      (error: unknown) => {
        assert.ok(error instanceof RpcError && error.reason === 'CHAIN_REFUSED', String(error))
        return false
      },
    )
    assert.equal(moved, state === AccountState.OPEN)
    return state
  }

  const lifecycle = {
    freeze:
      (name: string): Request =>
      (given) =>
        freezeAccount(given, call, { name }),
    unfreeze:
      (name: string): Request =>
      (given) =>
        unfreezeAccount(given, call, { name }),
    close:
      (name: string): Request =>
      (given) =>
        closeAccount(given, call, { name }),
  }
  const { OPEN, FROZEN, CLOSED } = AccountState
  type Verb = keyof typeof lifecycle
  const reached = { freeze: FROZEN, unfreeze: OPEN, close: CLOSED } as const

  for (const first of ['freeze', 'unfreeze', 'close'] as const) {
    for (const next of ['freeze', 'unfreeze', 'close'] as const) {
      it(`leaves no account where it can't be moved on: ${first}, then ${next}`, async () => {
        let name = ''
        const prepare = async () => {
          name = await newAccount(0n)
          // Once around, so that a generation lies behind it.
          for (const verb of ['freeze', 'unfreeze'] satisfies Verb[]) await lifecycle[verb](name)(deps)
          if (first !== 'freeze') await lifecycle.freeze(name)(deps)
          const check = async () => {
            const state = await stateOf(name)
            assert.ok(state === reached[next] || state === CLOSED, `its state is ${state}`)
          }
          return { request: lifecycle[first](name), check }
        }
        // What was closed before its process died stays closed, and says so.
        const resume: Request = async (given) => {
          const failure = await lifecycle[next](name)(given).catch((error: unknown) => error)
          if (!(failure instanceof Error)) return
          assert.ok(
            first === 'close' && failure instanceof RpcError && failure.reason === 'ACCOUNT_CLOSED',
            String(failure),
          )
        }
        const places = await interruptEverywhere({ what: first, prepare }, resume)
        assert.ok(places >= 2, `${places} places were tried`)
      })
    }
  }
})
