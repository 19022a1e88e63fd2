import {
  type Leg,
  type PostChainRequest,
  type PostChainResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { fromUint128 } from '../../runtime/ids.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { type RpcError } from '../../runtime/rpc-error.js'
import { accountMessage } from '../account-message.js'
import { type AssetStore } from '../asset-store.js'
import { chainTransfers, type ChainLeg, legIds, legIndex } from '../chain.js'
import { type Engine, EVENTS_MAX } from '../engine.js'
import { decided, DOMAIN, ledgerError } from '../errors.js'
import { type AccountName, type NamedAccountStore } from '../named-account-store.js'
import { type Account } from '../state-machine/account.js'
import { TransferStatus, transferStatusName } from '../state-machine/status.js'
import { type Transfer } from '../state-machine/transfer.js'
import { wireTransfer } from '../wire.js'

export interface PostChainDeps {
  readonly engine: Engine
  readonly assets: AssetStore
  readonly names: NamedAccountStore
  /** What ids are derived with. */
  readonly namespace: string
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const CODE_MAX = 65535

/** What the request asks for, with every name resolved. */
interface Chain {
  readonly requestId: string
  readonly request: PostChainRequest
  readonly names: ReadonlyMap<string, AccountName>
  readonly transfers: readonly Transfer[]
  /** Every id that a leg of this request id can have. */
  readonly ids: readonly bigint[]
}

/** AccountService.PostChain. */
export async function postChain(
  deps: PostChainDeps,
  call: Call,
  request: PostChainRequest,
): Promise<PostChainResponse> {
  check(request)
  const chain = await resolve(deps, callerName(call.caller), request)
  const earlier = await answerEarlier(deps, chain)
  if (earlier !== undefined) return earlier

  const options = { signal: call.signal, withAccounts: true }
  const { results, accounts } = await decided(deps.engine.createTransfers(chain.transfers, options))
  if (results.every(({ status }) => status === TransferStatus.CREATED)) {
    const posted = chain.transfers.map((transfer, leg) => ({
      ...transfer,
      timestamp: results[leg]?.timestamp ?? 0n,
    }))
    return response(chain, posted, accounts)
  }
  // Another call with the same request id came between: what it did is the answer to this one too.
  const winner = await answerEarlier(deps, chain)
  if (winner !== undefined) return winner
  const leg = results.findIndex(({ status }) => !FOLLOWERS.has(status))
  throw refusal(chain, leg, results[leg]?.status ?? TransferStatus.LINKED_EVENT_FAILED)
}

/** The statuses of legs that did not break the chain. */
const FOLLOWERS: ReadonlySet<TransferStatus> = new Set<TransferStatus>([
  TransferStatus.CREATED,
  TransferStatus.LINKED_EVENT_FAILED,
])

function check({ requestId, legs }: PostChainRequest): void {
  const check = new FieldCheck(DOMAIN)
  check.that(UUID.test(requestId), 'request_id', 'must be a UUID')
  check.that(legs.length > 0 && legs.length <= EVENTS_MAX, 'legs', `must be 1 to ${EVENTS_MAX}`)
  if (legs.length <= EVENTS_MAX) for (const [index, leg] of legs.entries()) checkLeg(check, `legs[${index}]`, leg)
  check.done()
}

function checkLeg(check: FieldCheck, field: string, { debitAccount, creditAccount, amount, code }: Leg): void {
  const isName = (name: string) => parseResourceName('accounts/{account}', name) !== undefined
  check.that(isName(debitAccount), `${field}.debit_account`, 'must be like accounts/{account}')
  check.that(isName(creditAccount), `${field}.credit_account`, 'must be like accounts/{account}')
  check.that(debitAccount !== creditAccount, `${field}.credit_account`, 'must be another than debit_account')
  check.that((amount?.assetCode ?? '') !== '', `${field}.amount.asset_code`, 'is required')
  check.that((amount?.minorUnits ?? 0n) > 0n, `${field}.amount.minor_units`, 'must be at least 1')
  check.that(code > 0 && code <= CODE_MAX, `${field}.code`, `must be 1 to ${CODE_MAX}`)
}

async function resolve(deps: PostChainDeps, caller: string, request: PostChainRequest): Promise<Chain> {
  const ledgers = await resolveLedgers(deps.assets, request.legs)
  const names = await deps.names.resolve(new Set(request.legs.flatMap((leg) => [leg.debitAccount, leg.creditAccount])))
  const idOf = (account: string) => {
    const name = names.get(account)
    if (name === undefined) throw ledgerError('ACCOUNT_NOT_FOUND', `${account} does not exist.`, { account })
    return name.id
  }
  const legs: ChainLeg[] = request.legs.map((leg) => ({
    debitAccountId: idOf(leg.debitAccount),
    creditAccountId: idOf(leg.creditAccount),
    amount: leg.amount?.minorUnits ?? 0n,
    ledger: ledgers.get(leg.amount?.assetCode ?? '') ?? 0,
    code: leg.code,
  }))
  const requestId = request.requestId.toLowerCase()
  const order = { caller, requestId, subject: fromUint128(request.subject), legs }
  const transfers = chainTransfers(deps.namespace, order)
  return { requestId, request, names, transfers, ids: legIds(deps.namespace, order, EVENTS_MAX) }
}

async function resolveLedgers(assets: AssetStore, legs: readonly Leg[]): Promise<ReadonlyMap<string, number>> {
  const ledgers = new Map<string, number>()
  for (const code of new Set(legs.map((leg) => leg.amount?.assetCode ?? ''))) {
    const asset = await assets.find(code)
    if (asset === undefined) {
      throw ledgerError('ASSET_NOT_FOUND', `The asset ${code} is not defined.`, { asset_code: code })
    }
    ledgers.set(code, asset.ledger)
  }
  return ledgers
}

/**
 * What an earlier call with this request id came to, if there was one that came to anything: the chain as it was posted,
 * or the failure that spent a leg's id. Throws REQUEST_ID_REUSED when that was another chain.
 */
async function answerEarlier(deps: PostChainDeps, chain: Chain): Promise<PostChainResponse | undefined> {
  const [firstId = 0n] = chain.ids
  const digest = chain.transfers[0]?.userData64
  const [[first], [failure]] = await Promise.all([
    deps.engine.lookupTransfers([firstId]),
    deps.engine.lookupFailures(chain.ids),
  ])
  const earlier = first ?? failure
  if (earlier === undefined) return undefined
  if (earlier.userData64 !== digest) {
    const message = `The request id ${chain.requestId} was used for another chain.`
    throw ledgerError('REQUEST_ID_REUSED', message, { request_id: chain.requestId })
  }
  if (failure !== undefined) throw refusal(chain, legIndex(failure.id), failure.status)
  const transfers = await deps.engine.lookupTransfers(chain.transfers.map(({ id }) => id))
  const accountIds = new Set(transfers.flatMap((transfer) => [transfer.debitAccountId, transfer.creditAccountId]))
  return response(chain, transfers, await deps.engine.lookupAccounts([...accountIds]))
}

function response(chain: Chain, transfers: readonly Transfer[], accounts: readonly Account[]): PostChainResponse {
  const names = new Map(Array.from(chain.names.values(), (name) => [name.id, name]))
  const named = accounts.flatMap((account) => {
    const name = names.get(account.id)
    return name === undefined ? [] : [accountMessage({ name, account })]
  })
  return { transfers: transfers.map(wireTransfer), accounts: named }
}

function refusal(chain: Chain, leg: number, status: TransferStatus): RpcError {
  const account = chain.request.legs[leg]?.debitAccount ?? ''
  if (status === TransferStatus.EXCEEDS_CREDITS) {
    const message = `Leg ${leg} would take ${account} below zero.`
    return ledgerError('INSUFFICIENT_FUNDS', message, { leg: String(leg), account })
  }
  const name = transferStatusName(status)
  return ledgerError('CHAIN_REFUSED', `Leg ${leg} was refused: ${name}.`, { leg: String(leg), status: name })
}
