import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { type Account, AccountKind, AccountState } from '../../../gen/paymesh/ledger/v1/account.js'
import {
  type AccountServiceService,
  CreateAccountRequest,
  EnsureLimitAccountRequest,
  Leg,
  PostChainRequest,
  PostHoldRequest,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { Asset } from '../../../gen/paymesh/ledger/v1/asset.js'
import { type LedgerAdminServiceService } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { LimitMetric, LimitWindow } from '../../../gen/paymesh/ledger/v1/limit.js'
import { type Client } from '../../runtime/client.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { TransferStatus } from '../state-machine/status.js'
import { type Transfers } from './cluster.js'
import { wireTransfer } from './harness.js'

/** Whom to ask. */
export interface LedgerClients {
  readonly accounts: Client<typeof AccountServiceService>
  readonly transfers: Transfers
  readonly admin: Client<typeof LedgerAdminServiceService>
}

/** Makes a call until it gets an answer, with the same request each time. */
export type Ask = <T>(call: (clients: LedgerClients) => Promise<T>) => Promise<T>

export const ASSET = 'THB'
export const BANK = 'accounts/bank'

/** What every life needs. */
export async function prepareLives(ask: Ask): Promise<void> {
  await ask(({ admin }) => admin.createAsset({ asset: Asset.fromPartial({ assetCode: ASSET, scale: 2 }) }))
  await ask(({ accounts }) => accounts.createAccount(newAccount('bank', AccountKind.SETTLEMENT)))
}

/**
 * Everything that can happen to an account, each thing asked for until it is answered. Every step has one right outcome,
 * however often its request was made and wherever it was cut off, and fails the assertion on any other.
 */
export async function liveOnce(ask: Ask, name: string, nextTransferId: () => bigint): Promise<void> {
  const [account, other] = [`accounts/${name}`, `accounts/${name}.other`]
  const assetCode = `L${name.replace('.', '').toUpperCase()}`
  const asset = Asset.fromPartial({ assetCode, scale: 3 })
  assert.equal((await ask(({ admin }) => admin.createAsset({ asset }))).asset?.scale, 3)

  await ask(({ accounts }) => accounts.createAccount(newAccount(name, AccountKind.WALLET)))
  const funding = chainOf(BANK, account, 100n, { accounts: [newAccount(`${name}.other`, AccountKind.WALLET)] })
  await ask(({ accounts }) => accounts.postChain(funding))
  await assertBalance(ask, account, 100n)

  await liveWithHolds(ask, account, other)
  await liveFrozen(ask, account, other)
  await liveWithLimit(ask, name, nextTransferId)
  await liveToTheEnd(ask, account)
  await assertBalance(ask, other, 30n)
}

async function liveWithHolds(ask: Ask, account: string, other: string): Promise<void> {
  const held = await ask(asksOnce(chainOf(account, other, 40n, { hold: { timeoutSeconds: 0 } })))
  const amounts = [{ assetCode: ASSET, minorUnits: 25n }]
  const posting = PostHoldRequest.fromPartial({ requestId: randomUUID(), hold: held.hold, amounts })
  await ask(({ accounts }) => accounts.postHold(posting))
  const held2 = await ask(asksOnce(chainOf(account, other, 10n, { hold: { timeoutSeconds: 0 } })))
  const voiding = { requestId: randomUUID(), hold: held2.hold }
  await ask(({ accounts }) => accounts.voidHold(voiding))
  await assertBalance(ask, account, 75n)
}

async function liveFrozen(ask: Ask, account: string, other: string): Promise<void> {
  const frozen = await ask(({ accounts }) => accounts.freezeAccount({ name: account }))
  assert.equal(frozen.account?.state, AccountState.FROZEN)
  await assertReason(ask(asksOnce(chainOf(account, other, 5n))), 'CHAIN_REFUSED')
  const open = await ask(({ accounts }) => accounts.unfreezeAccount({ name: account }))
  assert.equal(open.account?.state, AccountState.OPEN)
  await ask(asksOnce(chainOf(account, other, 5n)))
  await assertBalance(ask, account, 70n)
}

async function liveWithLimit(ask: Ask, scopeKey: string, nextTransferId: () => bigint): Promise<void> {
  const fields = { limit: 'daily', scopeKey, window: '2026-11-21', metric: LimitMetric.AMOUNT, assetCode: ASSET }
  const window = LimitWindow.fromPartial(fields)
  const ensure = (cap: bigint, version: bigint) => {
    const request = EnsureLimitAccountRequest.fromPartial({ window, cap, version })
    return ask(({ accounts }) => accounts.ensureLimitAccount(request))
  }
  const limit = await ensure(100n, 1n)
  const spending = wireTransfer(nextTransferId(), {
    debitAccountId: limit.accountId!,
    creditAccountId: limit.sinkAccountId!,
    amount: { high: 0n, low: 30n },
    ledger: limit.ledger,
    code: limit.code,
  })
  const { results } = await ask(({ transfers }) => transfers.createTransfers({ transfers: [spending] }))
  assert.ok([TransferStatus.CREATED, TransferStatus.EXISTS].some((one) => one === results[0]?.status))
  const left = async (cap: bigint, version: bigint) => (await ensure(cap, version)).usage?.left
  assert.deepEqual(
    [await left(200n, 2n), await left(100n, 1n), await left(20n, 3n), await left(50n, 4n)],
    [170n, 170n, 0n, 20n],
    'a cap is set once, and what was used stays used',
  )
  assert.deepEqual([await left(50n, 6n), await left(500n, 5n)], [20n, 20n], 'a version in between comes too late')
}

async function liveToTheEnd(ask: Ask, account: string): Promise<void> {
  const close: Parameters<Ask>[0] = ({ accounts }) => accounts.closeAccount({ name: account })
  await assertReason(ask(close), 'ACCOUNT_NOT_EMPTY')
  await ask(asksOnce(chainOf(account, BANK, 70n)))
  await ask(close)
  const closed = await accountOf(ask, account)
  assert.equal(closed.state, AccountState.CLOSED)
  assert.equal(closed.balances?.posted?.minorUnits, 0n)
  await assertReason(
    ask(({ accounts }) => accounts.freezeAccount({ name: account })),
    'ACCOUNT_CLOSED',
  )
}

function newAccount(accountId: string, kind: AccountKind): CreateAccountRequest {
  return CreateAccountRequest.fromPartial({ accountId, account: { assetCode: ASSET, kind } })
}

/** One leg, with a request id that every attempt has. */
function chainOf(
  debitAccount: string,
  creditAccount: string,
  minorUnits: bigint,
  more: Parameters<typeof PostChainRequest.fromPartial>[0] = {},
): PostChainRequest {
  const legs = [Leg.fromPartial({ debitAccount, creditAccount, amount: { assetCode: ASSET, minorUnits }, code: 1 })]
  return PostChainRequest.fromPartial({ requestId: randomUUID(), legs, ...more })
}

function asksOnce(request: PostChainRequest) {
  return ({ accounts }: LedgerClients) => accounts.postChain(request)
}

async function accountOf(ask: Ask, name: string): Promise<Account> {
  return (await ask(({ accounts }) => accounts.getAccount({ name }))).account!
}

async function assertBalance(ask: Ask, name: string, minorUnits: bigint): Promise<void> {
  const { balances } = await accountOf(ask, name)
  assert.equal(balances?.posted?.minorUnits, minorUnits, name)
  assert.equal(balances.debitsPending?.minorUnits, 0n, `${name} has no hold left`)
}

async function assertReason(answer: Promise<unknown>, reason: string): Promise<void> {
  await assert.rejects(answer, (error) => {
    assert.ok(error instanceof RpcError, String(error))
    assert.deepEqual([status[error.code], error.reason], ['FAILED_PRECONDITION', reason])
    return true
  })
}
