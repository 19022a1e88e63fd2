import { createHash } from 'node:crypto'
import type { Outcome } from './decision.js'
import type { Facts, PartyFacts } from './facts.js'

// The digest lets several Rules nodes be compared: it names version, facts and answer at once. Its canonical form is the
// concatenation of strings, each as a big-endian u32 of its length in UTF-8 bytes and those bytes; integers are
// written as decimal strings; a list is its length, as such a string, and then its elements. No two different decisions
// have the same form, and no JSON writer's habits take part. The message of a refusal is prose and stays out.
//
//   "paymesh.rules.v1.Decision/1", rule_set_version,
//   operation_type, amount.asset_code, amount.minor_units,
//   payer.party, payer.owner, payer.tags (a list: sorted by bytes, without duplicates),
//   payee.party, payee.owner, payee.tags (likewise),
//   metadata (a list of pairs key, value, sorted by the bytes of the key; its length counts pairs),
//   time.seconds, time.nanos,
//   channel, fees (a list of: fee_id, "PRE" or "POST", asset_code, minor_units, revenue_account),
//   refusal.reason (empty when there is none)

const canonicalFormName = 'paymesh.rules.v1.Decision/1'

export function decisionDigest(ruleSetVersion: bigint, facts: Facts, outcome: Outcome): Buffer {
  return createHash('sha256')
    .update(canonicalForm(ruleSetVersion, facts, outcome))
    .digest()
}

export function canonicalForm(ruleSetVersion: bigint, facts: Facts, outcome: Outcome): Buffer {
  return encodeStrings(
    [
      canonicalFormName,
      ruleSetVersion,
      ...[facts.operationType, facts.assetCode, facts.amountMinor],
      ...partyStrings(facts.payer),
      ...partyStrings(facts.payee),
      ...[facts.metadata.size, ...[...facts.metadata].flat()],
      ...[facts.time.seconds, facts.time.nanos],
      ...outcomeStrings(facts.assetCode, outcome),
    ].map(String),
  )
}

function partyStrings(party: PartyFacts): readonly (string | number)[] {
  return [party.party, party.owner, party.tags.length, ...party.tags]
}

function outcomeStrings(assetCode: string, outcome: Outcome): readonly (string | number | bigint)[] {
  switch (outcome.kind) {
    case 'allowed': {
      const fees = outcome.fees.map((fee) => [fee.feeId, fee.phase, assetCode, fee.amountMinor, fee.revenueAccount])
      return [outcome.channel, outcome.fees.length, ...fees.flat(), '']
    }
    case 'refused':
      return ['', 0, outcome.refusal.reason]
  }
}

/** One buffer and one hash call: forty small updates cost more than the rest of a decision. */
function encodeStrings(strings: readonly string[]): Buffer {
  const form = Buffer.allocUnsafe(strings.reduce((size, text) => size + 4 + Buffer.byteLength(text), 0))
  let offset = 0
  for (const text of strings) {
    const length = form.write(text, offset + 4)
    form.writeUInt32BE(length, offset)
    offset += 4 + length
  }
  return form
}
