import { type Account as AccountMessage } from '../../../gen/paymesh/ledger/v1/account.js'
import { type Transfer as TransferMessage } from '../../../gen/paymesh/ledger/v1/transfer.js'
import { type Call } from '../../runtime/call.js'
import { type RpcError } from '../../runtime/rpc-error.js'
import { accountMessage } from '../account-message.js'
import { legIds, legIndex, type RequestKey } from '../chain.js'
import { type Engine, EVENTS_MAX } from '../engine.js'
import { decided, ledgerError } from '../errors.js'
import { type NamedAccountStore } from '../named-account-store.js'
import { type Account } from '../state-machine/account.js'
import { TransferStatus } from '../state-machine/status.js'
import { type Transfer } from '../state-machine/transfer.js'
import { wireTransfer } from '../wire.js'

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export interface RequestChainDeps {
  readonly engine: Engine
  readonly names: NamedAccountStore
  /** What ids are derived with. */
  readonly namespace: string
}

/** The transfers of one request id, and what it means when the engine refuses one of them. */
export interface RequestChain {
  readonly key: RequestKey
  readonly transfers: readonly Transfer[]
  refusal(leg: number, status: TransferStatus): RpcError
}

/** What a request came to. */
export interface RequestOutcome {
  readonly transfers: TransferMessage[]
  /** The accounts that have a name. */
  readonly accounts: AccountMessage[]
  /** The names of those whose balances were read later, so that others' transfers may be counted in them. */
  readonly accountsReadLater: string[]
}

/** The statuses of legs that did not break the chain. */
const FOLLOWERS: ReadonlySet<TransferStatus> = new Set<TransferStatus>([
  TransferStatus.CREATED,
  TransferStatus.LINKED_EVENT_FAILED,
])

/**
 * Has a request's chain decided once: a request id that was decided before is answered as it was then, whether it
 * succeeded or spent a leg's id. Throws REQUEST_ID_REUSED when that was another chain, and the chain's own refusals.
 */
export async function decideOnce(deps: RequestChainDeps, call: Call, chain: RequestChain): Promise<RequestOutcome> {
  const earlier = await answerEarlier(deps, chain)
  if (earlier !== undefined) return earlier

  const options = { signal: call.signal, withAccounts: true }
  const { results, accounts, accountsReadLater } = await decided(deps.engine.createTransfers(chain.transfers, options))
  if (results.every(({ status }) => status === TransferStatus.CREATED)) {
    const transfers = chain.transfers.map((transfer, leg) => ({
      ...transfer,
      timestamp: results[leg]?.timestamp ?? 0n,
    }))
    return outcome(deps, transfers, accounts, (id) => accountsReadLater.has(id))
  }
  // Another call with the same request id came between: what it did is the answer to this one too.
  const winner = await answerEarlier(deps, chain)
  if (winner !== undefined) return winner
  const leg = results.findIndex(({ status }) => !FOLLOWERS.has(status))
  throw chain.refusal(leg, results[leg]?.status ?? TransferStatus.LINKED_EVENT_FAILED)
}

/**
 * Of different chains that raced under one request id, several may have left something: one may have been refused and
 * spent a later leg's id before another was made or refused too. Each is answered by what is its own.
 */
async function answerEarlier(deps: RequestChainDeps, chain: RequestChain): Promise<RequestOutcome | undefined> {
  const { key, transfers: wanted } = chain
  const ids = legIds(deps.namespace, key, EVENTS_MAX)
  const [[first], failures] = await Promise.all([
    deps.engine.lookupTransfers(ids.slice(0, 1)),
    deps.engine.lookupFailures(ids),
  ])
  const isOwn = (earlier: { readonly userData64: bigint }) => earlier.userData64 === wanted[0]?.userData64
  if (first !== undefined && isOwn(first)) return answerMade(deps, wanted)
  const failure = failures.find(isOwn)
  if (failure !== undefined) throw chain.refusal(legIndex(failure.id), failure.status)
  if (first === undefined && failures.length === 0) return undefined
  const message = `The request id ${key.requestId} was used for something else.`
  throw ledgerError('REQUEST_ID_REUSED', message, { request_id: key.requestId })
}

async function answerMade(deps: RequestChainDeps, wanted: readonly Transfer[]): Promise<RequestOutcome> {
  const transfers = await deps.engine.lookupTransfers(wanted.map(({ id }) => id))
  const accountIds = new Set(transfers.flatMap((transfer) => [transfer.debitAccountId, transfer.creditAccountId]))
  return outcome(deps, transfers, await deps.engine.lookupAccounts([...accountIds]), () => true)
}

async function outcome(
  deps: RequestChainDeps,
  transfers: readonly Transfer[],
  accounts: readonly Account[],
  readLater: (accountId: bigint) => boolean,
): Promise<RequestOutcome> {
  // Why an account is closed may have changed since it was read; nothing else of the answer can.
  const isAnyClosed = accounts.some(({ closed }) => closed)
  const names = await deps.names.namesOf(
    accounts.map(({ id }) => id),
    isAnyClosed,
  )
  const named = accounts.flatMap((account) => {
    const name = names.get(account.id)
    return name === undefined ? [] : [{ ...accountMessage({ name, account }), labels: {}, etag: '' }]
  })
  const later = accounts.flatMap(({ id }) => (readLater(id) ? (names.get(id)?.name ?? []) : []))
  return { transfers: transfers.map(wireTransfer), accounts: named, accountsReadLater: later }
}
