/** One side of a payment. `tags` are a set: sorted by their bytes and without duplicates, so that order decides nothing. */
export interface PartyFacts {
  readonly party: string
  readonly owner: string
  readonly tags: readonly string[]
  /** What kind of wallet the party is, such as PERSONAL; empty when it is none. */
  readonly walletKind: string
}

/** All that a decision may depend on, parsed: the bounds below hold for every value of this type. */
export interface Facts {
  readonly operationType: string
  readonly assetCode: string
  /** In minor units of the asset, 1 to 2^63 - 1. */
  readonly amountMinor: bigint
  readonly payer: PartyFacts
  readonly payee: PartyFacts
  /** Pairs sorted by the bytes of their keys. */
  readonly metadata: ReadonlyMap<string, string>
  readonly time: { readonly seconds: bigint; readonly nanos: number }
  /** The payer's IANA time zone; empty means UTC. */
  readonly timeZone: string
  /** The channel that the caller asks for; empty for none. */
  readonly channelHint: string
  /** What was measured and may be missing. Pairs sorted by the bytes of their keys. */
  readonly signals: ReadonlyMap<string, bigint>
}

export const int64Max = 2n ** 63n - 1n

/** Bounds on facts. They also bound what a condition can cost, since conditions iterate over facts. */
export const factsLimits = {
  partyLengthMax: 256,
  ownerLengthMax: 256,
  tagsMax: 32,
  tagLengthMax: 64,
  metadataPairsMax: 32,
  metadataBytesMax: 4096,
  signalsMax: 32,
  timeZoneLengthMax: 64,
  /** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the range of google.protobuf.Timestamp. */
  timeSecondsMin: -62_135_596_800n,
  timeSecondsMax: 253_402_300_799n,
  timeNanosMax: 999_999_999,
} as const

export const operationTypePattern = /^[A-Z][A-Z0-9_]{0,63}$/
export const assetCodePattern = /^[A-Z0-9]{1,16}$/
export const channelPattern = /^[A-Z][A-Z0-9_]{0,63}$/
export const walletKindPattern = /^[A-Z][A-Z0-9_]{0,31}$/
export const signalNamePattern = /^[a-z][a-z0-9_]{0,63}$/

/** Order by UTF-8 bytes: the same in every language and locale, unlike JavaScript's order of UTF-16 units. */
export function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

export function tagSet(tags: readonly string[]): readonly string[] {
  return [...new Set(tags)].sort(compareBytes)
}

/** The pairs of metadata or signals in the order that a digest has them in. */
export function sortedPairs<V>(pairs: Readonly<Record<string, V>>): ReadonlyMap<string, V> {
  return new Map(Object.entries(pairs).sort(([left], [right]) => compareBytes(left, right)))
}
