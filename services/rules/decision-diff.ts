import type { TriedDecision } from './trial-job.js'

/** What two decisions about one payment differ in, one sentence for each; versions and digests always do. */
export function diffDecisions(before: TriedDecision, after: TriedDecision): readonly string[] {
  const [left, right] = [saidBy(before), saidBy(after)]
  const places = [...new Set([...left.keys(), ...right.keys()])].sort()
  return places
    .filter((place) => left.get(place) !== right.get(place))
    .map((place) => `${place}: ${left.get(place) ?? 'none'}, then ${right.get(place) ?? 'none'}`)
}

/** What a decision says, by place. */
function saidBy(tried: TriedDecision): ReadonlyMap<string, string> {
  if (tried.kind === 'failed') return new Map([['failed rule', tried.ruleId]])
  const { outcome } = tried.decision
  if (outcome.kind === 'refused') return new Map([['refusal', outcome.refusal.reason]])
  const { channel, fees, limitLegs, risk, requiredLevel } = outcome
  return new Map([
    ['channel', channel],
    ...fees.map((fee) => [`fees.${fee.feeId}`, `${fee.phase} ${fee.amountMinor} to ${fee.revenueAccount}`] as const),
    ...limitLegs.map(
      (leg) =>
        [`limits.${leg.limitId}`, `${leg.uses} of ${leg.cap} in ${leg.window.name} for ${leg.scopeKey}`] as const,
    ),
    ['risk', `${risk.action}, score ${risk.score}${risk.reasons.map((reason) => `, ${reason}`).join('')}`],
    ...(requiredLevel === undefined ? [] : [['required level', requiredLevel] as const]),
  ])
}
