import { type AccountEvent, AccountFlag } from './account.js'
import { createAccount } from './create-account.js'
import { createTransfer } from './create-transfer.js'
import { type State } from './state.js'
import { type AccountResult, AccountStatus, type EventResult, isTransient, TransferStatus } from './status.js'
import { hasFlag, type Transfer, TransferFlag } from './transfer.js'
import { TIMESTAMP_MAX } from './u128.js'

// One batch: the events of one call, in order.
//
// An event with `linked` opens a chain, or continues it; the first event without it closes the chain. A chain that
// sees any status but CREATED (EXISTS included) is broken: all its effects are undone, its members before the breaker
// become LINKED_EVENT_FAILED, the breaker keeps its status, and the members after it become LINKED_EVENT_FAILED.

/** What accounts and transfers do differently within the same loop. */
interface Kind<E, S extends number> {
  readonly linked: number
  readonly imported: number
  readonly status: {
    readonly CREATED: S
    readonly LINKED_EVENT_FAILED: S
    readonly LINKED_EVENT_CHAIN_OPEN: S
    readonly TIMESTAMP_MUST_BE_ZERO: S
    readonly IMPORTED_EVENT_EXPECTED: S
    readonly IMPORTED_EVENT_NOT_EXPECTED: S
    readonly IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE: S
    readonly IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE: S
  }
  /** `slot` is the timestamp of the event's place in the batch. */
  create(state: State, event: E, slot: bigint): EventResult<S>
  /** Told of every failure after a broken chain was undone. */
  failed(state: State, event: E, status: S): void
}

interface Event {
  readonly flags: number
  readonly timestamp: bigint
}

const ACCOUNTS: Kind<AccountEvent, AccountStatus> = {
  linked: AccountFlag.LINKED,
  imported: AccountFlag.IMPORTED,
  status: AccountStatus,
  create: createAccount,
  failed: () => undefined,
}

const TRANSFERS: Kind<Transfer, TransferStatus> = {
  linked: TransferFlag.LINKED,
  imported: TransferFlag.IMPORTED,
  status: TransferStatus,
  create: createTransfer,
  failed: (state, event, status) => {
    if (isTransient(status)) state.markFailed(event, status)
  },
}

/** Decides a batch of accounts at the given time; one result an event, in order. */
export function createAccounts(state: State, events: readonly AccountEvent[], nowNs: bigint): AccountResult[] {
  return decideBatch(ACCOUNTS, state, events, nowNs)
}

/** Decides a batch of transfers at the given time; one result an event, in order. */
export function createTransfers(
  state: State,
  events: readonly Transfer[],
  nowNs: bigint,
): EventResult<TransferStatus>[] {
  return decideBatch(TRANSFERS, state, events, nowNs)
}

/** The chain that is open while a batch is decided. */
interface Chain {
  readonly start: number
  broken: boolean
}

function decideBatch<E extends Event, S extends number>(
  kind: Kind<E, S>,
  state: State,
  events: readonly E[],
  nowNs: bigint,
): EventResult<S>[] {
  if (events.length === 0) return []
  const batchTimestamp = state.advance(events.length, nowNs)
  const firstSlot = batchTimestamp - BigInt(events.length - 1)
  const batch = { imported: hasFlag(events[0]?.flags ?? 0, kind.imported), timestamp: batchTimestamp }
  const results: EventResult<S>[] = []
  let chain: Chain | undefined

  for (const [index, event] of events.entries()) {
    const linked = hasFlag(event.flags, kind.linked)
    const open = linked && index === events.length - 1
    if (linked && chain === undefined) {
      chain = { start: index, broken: false }
      state.openSavepoint()
    }
    const imported = hasFlag(event.flags, kind.imported)
    const slot = firstSlot + BigInt(index)
    const result: EventResult<S> = open
      ? { status: kind.status.LINKED_EVENT_CHAIN_OPEN, timestamp: slot }
      : chain?.broken === true
        ? { status: kind.status.LINKED_EVENT_FAILED, timestamp: batch.imported && imported ? event.timestamp : slot }
        : decideEvent(kind, state, event, slot, batch)
    results.push(result)
    if (result.status !== kind.status.CREATED) {
      if (chain?.broken === false) breakChain(kind, state, results, chain)
      kind.failed(state, event, result.status)
    }
    if (chain !== undefined && (!linked || open)) {
      if (!chain.broken) state.releaseSavepoint()
      chain = undefined
    }
  }
  return results
}

/** Undoes the open chain, whose last result is the one that broke it. */
function breakChain<E, S extends number>(kind: Kind<E, S>, state: State, results: EventResult<S>[], chain: Chain) {
  chain.broken = true
  state.rollBack()
  for (let i = chain.start; i < results.length - 1; i++) {
    // The timestamp stays as it was first computed.
    results[i] = { status: kind.status.LINKED_EVENT_FAILED, timestamp: results[i]?.timestamp ?? 0n }
  }
}

function decideEvent<E extends Event, S extends number>(
  kind: Kind<E, S>,
  state: State,
  event: E,
  slot: bigint,
  batch: { readonly imported: boolean; readonly timestamp: bigint },
): EventResult<S> {
  const { status } = kind
  const imported = hasFlag(event.flags, kind.imported)
  if (imported !== batch.imported) {
    const expected = batch.imported ? status.IMPORTED_EVENT_EXPECTED : status.IMPORTED_EVENT_NOT_EXPECTED
    return { status: expected, timestamp: slot }
  }
  if (!imported) {
    if (event.timestamp !== 0n) return { status: status.TIMESTAMP_MUST_BE_ZERO, timestamp: slot }
  } else if (event.timestamp === 0n || event.timestamp > TIMESTAMP_MAX) {
    return { status: status.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE, timestamp: slot }
  } else if (event.timestamp >= batch.timestamp) {
    return { status: status.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE, timestamp: slot }
  }
  return kind.create(state, event, slot)
}
