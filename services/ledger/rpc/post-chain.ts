import {
  type CreateAccountRequest,
  type Leg,
  type PostChainRequest,
  type PostChainResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { fromUint128 } from '../../runtime/ids.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { type RpcError } from '../../runtime/rpc-error.js'
import { type AssetStore } from '../asset-store.js'
import { type ChainLeg, chainTransfers } from '../chain.js'
import { EVENTS_MAX } from '../engine.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { TransferStatus, transferStatusName } from '../state-machine/status.js'
import {
  differentField,
  ensureAccount,
  type EnsureAccountDeps,
  parseAccount,
  type WantedAccount,
} from './ensure-account.js'
import { decideOnce, UUID } from './request-chain.js'
import { holdName } from './resolve-hold.js'

const CODE_MAX = 65535
const ACCOUNTS_MAX = 16

/** AccountService.PostChain. */
export async function postChain(
  deps: EnsureAccountDeps,
  call: Call,
  request: PostChainRequest,
): Promise<PostChainResponse> {
  const wanted = parse(deps.namespace, request)
  const ledgers = await resolveLedgers(deps.assets, request.legs)
  await ensureAccounts(deps, call, wanted)
  const legs = await resolveLegs(deps, request.legs, ledgers)

  const key = { caller: callerName(call.caller), requestId: request.requestId.toLowerCase() }
  const order = { ...key, subject: fromUint128(request.subject), hold: request.hold, legs }
  const transfers = chainTransfers(deps.namespace, order)
  const refusal = (leg: number, status: TransferStatus) => refusalOf(request, leg, status)
  const outcome = await decideOnce(deps, call, { key, transfers, refusal })
  return { ...outcome, hold: request.hold === undefined ? '' : holdName(key.requestId) }
}

/** The accounts to make first. */
function parse(namespace: string, { requestId, legs, accounts }: PostChainRequest): WantedAccount[] {
  const check = new FieldCheck(DOMAIN)
  check.that(UUID.test(requestId), 'request_id', 'must be a UUID')
  check.that(legs.length > 0 && legs.length <= EVENTS_MAX, 'legs', `must be 1 to ${EVENTS_MAX}`)
  if (legs.length <= EVENTS_MAX) for (const [index, leg] of legs.entries()) checkLeg(check, `legs[${index}]`, leg)
  check.that(accounts.length <= ACCOUNTS_MAX, 'accounts', `must be at most ${ACCOUNTS_MAX}`)
  const parseOne = (account: CreateAccountRequest, index: number) =>
    parseAccount(check, `accounts[${index}].`, namespace, account) ?? []
  const wanted = accounts.slice(0, ACCOUNTS_MAX).flatMap(parseOne)
  check.done()
  return wanted
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

/** One after the other: a sub-account may come after the account above it. What is known already costs nothing. */
async function ensureAccounts(deps: EnsureAccountDeps, call: Call, wanted: readonly WantedAccount[]): Promise<void> {
  const known = await deps.names.resolve(new Set(wanted.map(({ name }) => name)))
  for (const account of wanted) {
    const kept = known.get(account.name)
    const isThere = kept !== undefined && differentField(account, kept) === undefined
    if (!isThere) await ensureAccount(deps, call, account)
  }
}

async function resolveLegs(
  deps: EnsureAccountDeps,
  legs: readonly Leg[],
  ledgers: ReadonlyMap<string, number>,
): Promise<ChainLeg[]> {
  const names = await deps.names.resolve(new Set(legs.flatMap((leg) => [leg.debitAccount, leg.creditAccount])))
  const idOf = (account: string) => {
    const name = names.get(account)
    if (name === undefined) throw ledgerError('ACCOUNT_NOT_FOUND', `${account} does not exist.`, { account })
    return name.id
  }
  return legs.map((leg) => ({
    debitAccountId: idOf(leg.debitAccount),
    creditAccountId: idOf(leg.creditAccount),
    amount: leg.amount?.minorUnits ?? 0n,
    ledger: ledgers.get(leg.amount?.assetCode ?? '') ?? 0,
    code: leg.code,
  }))
}

function refusalOf({ legs }: PostChainRequest, leg: number, status: TransferStatus): RpcError {
  const account = legs[leg]?.debitAccount ?? ''
  if (status === TransferStatus.EXCEEDS_CREDITS) {
    const message = `Leg ${leg} would take ${account} below zero.`
    return ledgerError('INSUFFICIENT_FUNDS', message, { leg: String(leg), account })
  }
  const name = transferStatusName(status)
  return ledgerError('CHAIN_REFUSED', `Leg ${leg} was refused: ${name}.`, { leg: String(leg), status: name })
}
