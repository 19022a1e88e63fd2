// A discrepancy as the contract says it.
import {
  type Discrepancy as DiscrepancyMessage,
  DiscrepancyKind as KindMessage,
  ProviderStatus,
} from '../../../gen/paymesh/intent/v1/discrepancy.js'
import { type Discrepancy } from '../providers/discrepancy-store.js'
import { type DiscrepancyKind, discrepancyKinds } from '../providers/report-effect.js'
import { timestampOf } from './intent-message.js'

export function discrepancyToMessage(found: Discrepancy): DiscrepancyMessage {
  const { provider, transferId, reference, eventCount, booked, resolution } = found
  return {
    name: `discrepancies/${found.id}`,
    provider,
    kind: KindMessage[found.kind],
    transferId,
    intent: found.intentId === undefined ? '' : `intents/${found.intentId}`,
    status: ProviderStatus[found.status],
    amount: { assetCode: found.currency, minorUnits: found.amountMinor },
    reference,
    eventCount,
    createTime: timestampOf(found.createMs),
    updateTime: timestampOf(found.updateMs),
    booked: booked !== undefined,
    bookedAmount: booked && { assetCode: booked.assetCode, minorUnits: booked.amountMinor },
    resolution: resolution && {
      time: timestampOf(resolution.timeMs),
      resolver: resolution.resolver,
      note: resolution.note,
    },
  }
}

/** The kind that a message names; undefined for none and for one that is not known. */
export function discrepancyKindOf(message: KindMessage): DiscrepancyKind | undefined {
  return discrepancyKinds.find((kind) => KindMessage[kind] === message)
}

const namePattern = /^discrepancies\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** The id in `discrepancies/{uuid}`; undefined for anything else. */
export function discrepancyIdOf(name: string): string | undefined {
  return namePattern.exec(name)?.[1]
}
