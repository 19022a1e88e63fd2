import { type Engine } from '../engine.js'
import { bothSides } from '../entries.js'
import { expiresAt, type Transfer } from '../state-machine/transfer.js'
import { TIMESTAMP_MAX } from '../state-machine/u128.js'

// The process that reads these pages also decides payments, and a page is one turn of its event loop: a thousand rows
// take it some milliseconds. The engine would answer 8189 at once.
export const PAGE_MAX = 1000

/** Which transfers of an account. Timestamps in nanoseconds since 1970, both inclusive. */
export interface TransferRange {
  readonly accountId: bigint
  readonly min: bigint
  readonly max: bigint
  /** Only of this subject; zero: of any. */
  readonly subject?: bigint
  /** Only of this code; zero: of any. */
  readonly code?: number
}

/** An account's transfers in the order of time, a page at a time. There is at least one page, maybe an empty one. */
export async function* transferPages(
  engine: Pick<Engine, 'getAccountTransfers'>,
  { accountId, min, max, subject = 0n, code = 0 }: TransferRange,
): AsyncGenerator<readonly Transfer[], void> {
  let next = min
  for (;;) {
    const page = { min: next, max, countMax: PAGE_MAX, newestFirst: false }
    const filter = { ...bothSides(accountId, page), userData128: subject, code }
    const transfers = next > max ? [] : await engine.getAccountTransfers(filter)
    yield transfers
    const last = transfers.at(-1)
    if (last === undefined || transfers.length < PAGE_MAX) return
    next = last.timestamp + 1n
  }
}

/**
 * What posted or voided a hold; undefined when nothing did. It is on the same accounts with the same code and, unless its
 * maker gave it another, of the same subject: of a hold with a subject only such are looked for, by an index.
 */
export async function findResolution(
  engine: Pick<Engine, 'getAccountTransfers'>,
  hold: Transfer,
): Promise<Transfer | undefined> {
  const range = {
    accountId: hold.debitAccountId,
    min: hold.timestamp + 1n,
    max: expiresAt(hold) ?? TIMESTAMP_MAX,
    subject: hold.userData128,
    code: hold.code,
  }
  for await (const page of transferPages(engine, range)) {
    const found = page.find(({ pendingId }) => pendingId === hold.id)
    if (found !== undefined) return found
  }
  return undefined
}
