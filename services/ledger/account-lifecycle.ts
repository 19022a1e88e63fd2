import { uuidV5ToUint128 } from '../runtime/ids.js'
import { type Engine } from './engine.js'
import { type AccountName, type NamedAccount, type NamedAccountStore } from './named-account-store.js'
import { newAccountEvent } from './new-account-event.js'
import { type Account } from './state-machine/account.js'
import { type TransferResult, TransferStatus, transferStatusName } from './state-machine/status.js'
import { type Transfer, TransferFlag } from './state-machine/transfer.js'

// Freezing, unfreezing and closing.
//
// What an account is to be stands in its row: a lifecycle and a generation. Whether it takes transfers is the engine's
// `closed` bit, set by a pending closing transfer of nothing and cleared by the void of it. The ids of both derive from
// the account's name and the generation, so every process that finishes what a row asks for does the same thing once.
//
//   OPEN g ──freeze──► FROZEN g+1 ──unfreeze──► OPEN g+1
//   OPEN g ──close──► CLOSING g+1 ──► CLOSED g+1, or OPEN g+1 when the account turned out not to be empty
//   FROZEN g ──close──► CLOSING_FROZEN g ──► CLOSED g, or FROZEN g
//
// The row changes first, by compare and set, and the engine follows: FROZEN, CLOSING and CLOSED mean that the closing
// transfer of the generation is there and not voided; OPEN means that it is there and voided (generation 0 has none).
// A process that dies between the row and the engine leaves a wish that the next call for the account carries out
// before its own. A generation is begun only after the one before is carried out whole, both transfers, so a process
// that comes late finds its transfer there already and changes nothing.
//
// An account is closed only while it takes no transfers: whether it is empty is read under the closing transfer, which
// nobody voids while the row says CLOSING. New accounts under it are refused from then on (named-account-store.ts).

export type Lifecycle = 'OPEN' | 'FROZEN' | 'CLOSING' | 'CLOSING_FROZEN' | 'CLOSED'

/**
 * What became of a request.
 *
 * - `done`: the account is as was asked.
 * - `not_found`: there is no such account.
 * - `closed`: it was closed for ever, by CloseAccount or by a transfer that is not ours to void.
 * - `not_empty`: it has money, a hold, or an account under it that is not closed.
 */
export type LifecycleOutcome = 'done' | 'not_found' | 'closed' | 'not_empty'

export interface LifecycleDeps {
  readonly engine: Engine
  readonly names: NamedAccountStore
  /** What ids are derived with. */
  readonly namespace: string
}

// Of transfers that mean nothing but their closing. Callers choose the codes of their own transfers from the low end.
const CLOSING_CODE = 65535
// What closing transfers credit, with nothing: an account has to be named.
const CONTROL_CODE = 65535

// Each attempt fails only because another call moved the account; so many in a row are a bug, not bad luck.
const ATTEMPTS_MAX = 64

export function freeze(deps: LifecycleDeps, name: string): Promise<LifecycleOutcome> {
  return attempt(deps, name, async ({ name: row }) => {
    switch (row.lifecycle) {
      case 'CLOSED':
        return 'closed'
      case 'CLOSING':
      case 'CLOSING_FROZEN':
        await finishClosing(deps, row)
        return undefined
      case 'FROZEN':
        if (await shut(deps, row)) return 'done'
        await deps.names.changeLifecycle(row, 'OPEN', row.generation)
        return 'closed'
      case 'OPEN':
        await settleOpen(deps, row)
        await deps.names.changeLifecycle(row, 'FROZEN', row.generation + 1)
        return undefined
    }
  })
}

export function unfreeze(deps: LifecycleDeps, name: string): Promise<LifecycleOutcome> {
  return attempt(deps, name, async ({ name: row }) => {
    switch (row.lifecycle) {
      case 'CLOSED':
        return 'closed'
      case 'CLOSING':
      case 'CLOSING_FROZEN':
        await finishClosing(deps, row)
        return undefined
      case 'FROZEN':
        await deps.names.changeLifecycle(row, 'OPEN', row.generation)
        return undefined
      case 'OPEN': {
        await settleOpen(deps, row)
        const after = await deps.names.find(name)
        const untouched = after?.name.revision === row.revision
        return untouched && after.account.closed ? 'closed' : 'done'
      }
    }
  })
}

export function close(deps: LifecycleDeps, name: string): Promise<LifecycleOutcome> {
  return attempt(deps, name, async ({ name: row, account }) => {
    switch (row.lifecycle) {
      case 'CLOSED':
        return 'done'
      case 'CLOSING':
      case 'CLOSING_FROZEN':
        return finishClosing(deps, row)
      case 'FROZEN':
        if (!(await isEmpty(deps, row, account))) return 'not_empty'
        await deps.names.changeLifecycle(row, 'CLOSING_FROZEN', row.generation)
        return undefined
      case 'OPEN':
        // An account that is in use is not stopped for a look at it.
        if (!(await isEmpty(deps, row, account))) return 'not_empty'
        await settleOpen(deps, row)
        await deps.names.changeLifecycle(row, 'CLOSING', row.generation + 1)
        return undefined
    }
  })
}

/** Reads the account and takes a step, until a step answers. */
async function attempt(
  { names }: LifecycleDeps,
  name: string,
  step: (found: NamedAccount) => Promise<LifecycleOutcome | undefined>,
): Promise<LifecycleOutcome> {
  for (let count = 0; count < ATTEMPTS_MAX; count++) {
    const found = await names.find(name)
    if (found === undefined) return 'not_found'
    const outcome = await step(found)
    if (outcome !== undefined) return outcome
  }
  throw new Error(`the lifecycle of ${name} did not come to rest`)
}

/** Carries a closing on to its end, whoever began it. Undefined when it came to an end, or somebody else was faster. */
async function finishClosing(deps: LifecycleDeps, row: AccountName): Promise<LifecycleOutcome | undefined> {
  const isShut = await shut(deps, row)
  const [account] = await deps.engine.lookupAccounts([row.id])
  if (isShut && account !== undefined && (await isEmpty(deps, row, account))) {
    await deps.names.changeLifecycle(row, 'CLOSED', row.generation)
    return undefined
  }
  const back = row.lifecycle === 'CLOSING_FROZEN' ? 'FROZEN' : 'OPEN'
  const changed = await deps.names.changeLifecycle(row, back, row.generation)
  if (changed && back === 'OPEN') await settleOpen(deps, row)
  if (!changed) return undefined
  return isShut ? 'not_empty' : 'closed'
}

async function isEmpty({ names }: LifecycleDeps, row: AccountName, account: Account): Promise<boolean> {
  const { debitsPending, debitsPosted, creditsPending, creditsPosted } = account
  const hasNothing = debitsPending === 0n && creditsPending === 0n && debitsPosted === creditsPosted
  return hasNothing && !(await names.hasOpenChildren(row.name))
}

/** Carries out what an OPEN row asks for. The closing transfer first: once voided, nobody who is late can make it. */
async function settleOpen(deps: LifecycleDeps, row: AccountName): Promise<void> {
  if (row.generation === 0 || !(await shut(deps, row))) return
  const id = transferId(deps, 'reopen', row)
  const [reopening] = await deps.engine.lookupTransfers([id])
  if (reopening !== undefined) return
  const result = await create(deps, {
    ...EMPTY_TRANSFER,
    id,
    pendingId: transferId(deps, 'close', row),
    flags: TransferFlag.VOID_PENDING_TRANSFER,
  })
  switch (result.status) {
    case TransferStatus.CREATED:
    case TransferStatus.EXISTS:
      return
    case TransferStatus.PENDING_TRANSFER_ALREADY_VOIDED:
      // By somebody through TransferService. What was asked for is so.
      return
    default:
      throw new Error(`the engine would not reopen ${row.name}: ${transferStatusName(result.status)}`)
  }
}

/** Sees to the closing transfer of a generation. False: a transfer that is not ours had closed the account before. */
async function shut(deps: LifecycleDeps, row: AccountName): Promise<boolean> {
  const id = transferId(deps, 'close', row)
  const [[closing], [account]] = await Promise.all([
    deps.engine.lookupTransfers([id]),
    deps.engine.lookupAccounts([row.id]),
  ])
  if (closing !== undefined) return true
  if (account === undefined) throw new Error(`the account ${row.name} vanished`)
  const control = uuidV5ToUint128(deps.namespace, `controls/closing/${row.assetCode}`)
  await deps.engine.createAccounts([newAccountEvent(control, account.ledger, CONTROL_CODE, 0)])
  const { status } = await create(deps, {
    ...EMPTY_TRANSFER,
    id,
    debitAccountId: row.id,
    creditAccountId: control,
    ledger: account.ledger,
    code: CLOSING_CODE,
    flags: TransferFlag.PENDING | TransferFlag.CLOSING_DEBIT,
  })
  switch (status) {
    case TransferStatus.CREATED:
    case TransferStatus.EXISTS:
      return true
    case TransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED:
    case TransferStatus.ID_ALREADY_FAILED:
      return false
    default:
      throw new Error(`the engine would not close ${row.name}: ${transferStatusName(status)}`)
  }
}

const EMPTY_TRANSFER: Transfer = {
  id: 0n,
  debitAccountId: 0n,
  creditAccountId: 0n,
  amount: 0n,
  pendingId: 0n,
  userData128: 0n,
  userData64: 0n,
  userData32: 0,
  timeoutSeconds: 0,
  ledger: 0,
  code: 0,
  flags: 0,
  timestamp: 0n,
}

async function create({ engine }: LifecycleDeps, transfer: Transfer): Promise<TransferResult> {
  const { results } = await engine.createTransfers([transfer])
  const [result] = results
  if (result === undefined) throw new Error('the engine did not answer')
  return result
}

function transferId({ namespace }: LifecycleDeps, verb: 'close' | 'reopen', row: AccountName): bigint {
  return uuidV5ToUint128(namespace, `${row.name}/${verb}/${row.generation}`)
}
