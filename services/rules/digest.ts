import { createHash } from 'node:crypto'
import type { Outcome } from './decision.js'
import type { Facts, PartyFacts } from './facts.js'
import type { Fee } from './fees.js'
import type { LimitExcess, LimitLeg } from './limits.js'
import type { Risk } from './risk.js'

// The digest lets several Rules nodes be compared: it names version, facts and answer at once. Its canonical form is the
// concatenation of strings, each as a big-endian u32 of its length in UTF-8 bytes and those bytes; integers are
// written as decimal strings; a list is its length, as such a string, and then its elements. No two different decisions
// have the same form, and no JSON writer's habits take part. The message of a refusal is prose and stays out. The
// contract (Decision.digest) lists what comes in which order; another order or content needs another form name.

const canonicalFormName = 'paymesh.rules.v1.Decision/3'

type Piece = string | number | bigint

export function decisionDigest(ruleSetVersion: bigint, facts: Facts, outcome: Outcome): Buffer {
  return createHash('sha256')
    .update(canonicalForm(ruleSetVersion, facts, outcome))
    .digest()
}

export function canonicalForm(ruleSetVersion: bigint, facts: Facts, outcome: Outcome): Buffer {
  return encodeStrings([canonicalFormName, ruleSetVersion, ...factsPieces(facts), ...outcomePieces(facts, outcome)])
}

function factsPieces(facts: Facts): readonly Piece[] {
  return [
    ...[facts.operationType, facts.assetCode, facts.amountMinor],
    ...partyPieces(facts.payer),
    ...partyPieces(facts.payee),
    ...[facts.metadata.size, ...[...facts.metadata].flat()],
    ...[facts.time.seconds, facts.time.nanos, facts.timeZone, facts.channelHint],
    ...[facts.signals.size, ...[...facts.signals].flat()],
  ]
}

function partyPieces(party: PartyFacts): readonly Piece[] {
  return [party.party, party.owner, party.walletKind, party.tags.length, ...party.tags]
}

function outcomePieces({ assetCode }: Facts, outcome: Outcome): readonly Piece[] {
  switch (outcome.kind) {
    case 'allowed': {
      const { channel, fees, limitLegs, risk, requiredLevel = '' } = outcome
      const feePieces = fees.flatMap((fee) => piecesOfFee(fee, assetCode))
      const legPieces = limitLegs.flatMap(piecesOfLeg)
      return [
        channel,
        fees.length,
        ...feePieces,
        limitLegs.length,
        ...legPieces,
        ...piecesOfRisk(risk),
        '',
        0,
        requiredLevel,
      ]
    }
    case 'refused': {
      const { refusal, risk } = outcome
      return ['', 0, 0, ...piecesOfRisk(risk), refusal.reason, ...piecesOfExcess(refusal.limit), '']
    }
  }
}

function piecesOfFee(fee: Fee, assetCode: string): readonly Piece[] {
  return [fee.feeId, fee.phase, assetCode, fee.amountMinor, fee.revenueAccount]
}

function piecesOfLeg(leg: LimitLeg): readonly Piece[] {
  const { kind, name, timeZone, startSeconds, endSeconds } = leg.window
  return [
    ...[leg.limitId, leg.limit, leg.metric, leg.assetCode, leg.scopeKey],
    ...[kind, name, timeZone, startSeconds, endSeconds],
    ...[leg.cap, leg.uses, leg.ruleSetVersion],
  ]
}

function piecesOfRisk(risk: Risk | undefined): readonly Piece[] {
  return risk === undefined ? [0] : [1, risk.action, risk.score, risk.reasons.length, ...risk.reasons]
}

function piecesOfExcess(excess: LimitExcess | undefined): readonly Piece[] {
  return excess === undefined ? [0] : [1, excess.limitId, excess.cap, excess.used]
}

/** One buffer and one hash call: forty small updates cost more than the rest of a decision. */
function encodeStrings(pieces: readonly Piece[]): Buffer {
  const strings = pieces.map(String)
  const form = Buffer.allocUnsafe(strings.reduce((size, text) => size + 4 + Buffer.byteLength(text), 0))
  let offset = 0
  for (const text of strings) {
    const length = form.write(text, offset + 4)
    form.writeUInt32BE(length, offset)
    offset += 4 + length
  }
  return form
}
