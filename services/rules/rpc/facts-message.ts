import type { Facts as FactsMessage, PartyFacts as PartyMessage } from '../../../gen/paymesh/rules/v1/decision.js'
import type { FieldCheck } from '../../runtime/field-check.js'
import {
  assetCodePattern,
  channelPattern,
  type Facts,
  factsLimits,
  operationTypePattern,
  type PartyFacts,
  signalNamePattern,
  sortedPairs,
  tagSet,
  walletKindPattern,
} from '../facts.js'
import { isTimeZone } from '../time-zone.js'

/** Parses facts, noting what is wrong under `field`. What it answers may be used once the check is done. */
export function factsFromMessage(check: FieldCheck, field: string, message: FactsMessage | undefined): Facts {
  const { operationType = '', amount, payer, payee, metadata = {}, time } = message ?? {}
  const { timeZone = '', channelHint = '', signals = {} } = message ?? {}
  check.that(operationTypePattern.test(operationType), `${field}.operation_type`, 'must be 1 to 64 of A-Z 0-9 _')
  const assetCode = amount?.assetCode ?? ''
  check.that(assetCodePattern.test(assetCode), `${field}.amount.asset_code`, 'must be 1 to 16 of A-Z 0-9')
  const amountMinor = amount?.minorUnits ?? 0n
  check.that(amountMinor > 0n, `${field}.amount.minor_units`, 'must be more than zero')
  return {
    operationType,
    assetCode,
    amountMinor,
    payer: parseParty(check, `${field}.payer`, payer),
    payee: parseParty(check, `${field}.payee`, payee),
    metadata: parseMetadata(check, `${field}.metadata`, metadata),
    time: parseTime(check, `${field}.time`, time),
    timeZone: parseTimeZone(check, `${field}.time_zone`, timeZone),
    channelHint: parseHint(check, `${field}.channel_hint`, channelHint),
    signals: parseSignals(check, `${field}.signals`, signals),
  }
}

function parseParty(check: FieldCheck, field: string, message: PartyMessage | undefined): PartyFacts {
  const { party = '', owner = '', tags = [], walletKind = '' } = message ?? {}
  const { partyLengthMax, ownerLengthMax, tagsMax, tagLengthMax } = factsLimits
  check.that(
    party !== '' && party.length <= partyLengthMax,
    `${field}.party`,
    `must be 1 to ${partyLengthMax} characters`,
  )
  check.that(owner.length <= ownerLengthMax, `${field}.owner`, `must be at most ${ownerLengthMax} characters`)
  check.that(tags.length <= tagsMax, `${field}.tags`, `must be at most ${tagsMax}`)
  const areTagsFit = tags.every((tag) => tag !== '' && tag.length <= tagLengthMax)
  check.that(areTagsFit, `${field}.tags`, `must each be 1 to ${tagLengthMax} characters`)
  const isKind = walletKind === '' || walletKindPattern.test(walletKind)
  check.that(isKind, `${field}.wallet_kind`, 'must be empty or 1 to 32 of A-Z 0-9 _')
  return { party, owner, tags: tagSet(tags), walletKind }
}

function parseMetadata(check: FieldCheck, field: string, pairs: Readonly<Record<string, string>>): Facts['metadata'] {
  const { metadataPairsMax, metadataBytesMax } = factsLimits
  const entries = Object.entries(pairs)
  check.that(entries.length <= metadataPairsMax, field, `must be at most ${metadataPairsMax} pairs`)
  const bytes = entries.flat().reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  check.that(bytes <= metadataBytesMax, field, `must be at most ${metadataBytesMax} bytes together`)
  return sortedPairs(pairs)
}

function parseSignals(check: FieldCheck, field: string, pairs: Readonly<Record<string, bigint>>): Facts['signals'] {
  const names = Object.keys(pairs)
  check.that(names.length <= factsLimits.signalsMax, field, `must be at most ${factsLimits.signalsMax}`)
  const areNamesFit = names.every((name) => signalNamePattern.test(name))
  check.that(areNamesFit, field, 'must each have a name of 1 to 64 of a-z 0-9 _')
  return sortedPairs(pairs)
}

function parseTime(check: FieldCheck, field: string, time: Facts['time'] | undefined): Facts['time'] {
  check.that(time !== undefined, field, 'is required')
  const { seconds = 0n, nanos = 0 } = time ?? {}
  const { timeSecondsMin, timeSecondsMax, timeNanosMax } = factsLimits
  const isInRange = seconds >= timeSecondsMin && seconds <= timeSecondsMax && nanos >= 0 && nanos <= timeNanosMax
  check.that(isInRange, field, 'must be in the years 1 to 9999')
  return { seconds, nanos }
}

function parseTimeZone(check: FieldCheck, field: string, name: string): string {
  const isZone = name === '' || (name.length <= factsLimits.timeZoneLengthMax && isTimeZone(name))
  check.that(isZone, field, 'must be empty or an IANA time zone, such as "Asia/Bangkok"')
  return name
}

function parseHint(check: FieldCheck, field: string, channel: string): string {
  check.that(channel === '' || channelPattern.test(channel), field, 'must be empty or 1 to 64 of A-Z 0-9 _')
  return channel
}
