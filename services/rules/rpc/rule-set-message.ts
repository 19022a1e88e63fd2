import { Timestamp } from '../../../gen/google/protobuf/timestamp.js'
import {
  type RuleDifference as DifferenceMessage,
  RuleSet as RuleSetMessage,
  RuleSetState,
} from '../../../gen/paymesh/rules/v1/rule_set.js'
import type { Draft } from '../draft-store.js'
import { diffDocuments } from '../rule-set-diff.js'
import type { ListedRuleSet } from '../rule-set-list.js'
import type { Version } from '../store.js'

/** A draft as the contract says it. */
export function draftMessage(draft: Draft): RuleSetMessage {
  const { publishedVersion } = draft
  return RuleSetMessage.fromPartial({
    name: `ruleSets/${draft.id}`,
    state: publishedVersion === undefined ? RuleSetState.DRAFT : RuleSetState.PUBLISHED,
    document: documentMessage(draft.document),
    description: draft.description,
    author: draft.contributors[0] ?? '',
    contributors: [...draft.contributors],
    baseVersion: draft.baseVersion,
    version: publishedVersion ?? 0n,
    createTime: timestamp(draft.createTimeMs),
    updateTime: timestamp(draft.updateTimeMs),
    etag: etagOf(draft),
  })
}

/** A published version as the contract says it. */
export function versionMessage(version: Version): RuleSetMessage {
  return RuleSetMessage.fromPartial({
    name: `ruleSets/${version.version}`,
    state: RuleSetState.PUBLISHED,
    document: documentMessage(version.document),
    author: version.author,
    contributors: [...version.contributors],
    baseVersion: version.version - 1n,
    version: version.version,
    publisher: version.publisher ?? version.author,
    reason: version.reason,
    rolledBackTo: version.rolledBackTo ?? 0n,
    createTime: timestamp(version.publishTimeMs),
    updateTime: timestamp(version.publishTimeMs),
    etag: '"1"',
  })
}

/** A line of the list as the contract says it: without its document. */
export function listedMessage({ kind, key, ...listed }: ListedRuleSet): RuleSetMessage {
  return RuleSetMessage.fromPartial({
    name: `ruleSets/${key}`,
    state: kind === 'draft' ? RuleSetState.DRAFT : RuleSetState.PUBLISHED,
    description: listed.description,
    author: listed.contributors[0] ?? '',
    contributors: [...listed.contributors],
    baseVersion: listed.baseVersion,
    version: kind === 'version' ? BigInt(key) : 0n,
    publisher: listed.publisher,
    reason: listed.reason,
    rolledBackTo: listed.rolledBackTo,
    createTime: timestamp(listed.createTimeMs),
    updateTime: timestamp(listed.updateTimeMs),
    etag: etagOf(listed),
  })
}

/** What of the first document the second has otherwise. */
export function differenceMessages(before: unknown, after: unknown): DifferenceMessage[] {
  return diffDocuments(before, after).map((difference) => ({
    place: difference.place,
    before: difference.before ?? null,
    after: difference.after ?? null,
  }))
}

export function etagOf({ revision }: { readonly revision: bigint }): string {
  return `"${revision}"`
}

/** A stored document is an object: nothing else can be sent as one. */
function documentMessage(document: unknown): Record<string, unknown> {
  if (typeof document !== 'object' || document === null) throw new Error('a stored document is an object')
  return { ...document }
}

function timestamp(timeMs: number): Timestamp {
  return Timestamp.fromPartial({ seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 })
}
