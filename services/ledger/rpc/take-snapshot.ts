import {
  type TakeSnapshotRequest,
  type TakeSnapshotResponse,
} from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { type Clock } from '../../runtime/clock.js'
import { toUint128 } from '../../runtime/ids.js'
import { booksOf } from '../errors.js'
import { type SnapshotStore } from '../snapshot-store.js'

export interface TakeSnapshotBooks {
  readonly snapshots: SnapshotStore
}

/** LedgerAdminService.TakeSnapshot. */
export async function takeSnapshot(
  deps: { readonly books: TakeSnapshotBooks | undefined; readonly clock: Clock },
  _call: Call,
  _request: TakeSnapshotRequest,
): Promise<TakeSnapshotResponse> {
  const { batch, createTimeMs, hash, accountCount, totals } = await booksOf(deps.books).snapshots.take(
    deps.clock.nowMs(),
  )
  return {
    snapshot: {
      name: `snapshots/${batch}`,
      createTime: { seconds: BigInt(Math.floor(createTimeMs / 1000)), nanos: (createTimeMs % 1000) * 1_000_000 },
      batch,
      hash,
      accountCount,
      totals: totals.map(({ ledger, debitsPending, debitsPosted, creditsPending, creditsPosted }) => ({
        ledger,
        debitsPending: toUint128(debitsPending),
        debitsPosted: toUint128(debitsPosted),
        creditsPending: toUint128(creditsPending),
        creditsPosted: toUint128(creditsPosted),
      })),
    },
  }
}
