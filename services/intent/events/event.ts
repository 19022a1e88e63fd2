// What the world is told of an intent, an event for each move: CloudEvents 1.0 in its JSON format.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
import { partyName } from '../intents/party-name.js'
import { totalsOf } from '../decisions/decision.js'
import { type Failure, failureOf, type Intent, settledMinor, type StateChange } from '../intents/intent.js'

/**
 * The events of an intent's moves from the given one on, oldest first. The first move, to VALIDATED or REJECTED, is
 * number 1; numbers have no gaps, so that a consumer sees when one is missing.
 */
export function eventsOf(intent: Intent, firstMove: number): object[] {
  return intent.changes.slice(firstMove).map((change, index) => eventOf(intent, change, firstMove + index))
}

function eventOf(intent: Intent, { state, timeMs }: StateChange, move: number): object {
  return {
    specversion: '1.0',
    id: `${intent.id}.${move}`,
    source: '/paymesh/intent',
    type: `paymesh.intent.${state.toLowerCase()}.v1`,
    subject: `intents/${intent.id}`,
    time: new Date(timeMs).toISOString(),
    datacontenttype: 'application/json',
    data: dataOf(intent, state),
  }
}

// Names as in the JSON of the public API; int64 as decimal strings. No free text of the caller's: consumers who need
// the metadata read the intent.
function dataOf(intent: Intent, state: StateChange['state']): unknown {
  const totals = totalsOf(settledMinor(intent) ?? intent.amountMinor, intent.decision)
  const money = (minor: bigint) => ({ assetCode: intent.assetCode, minorUnits: minor.toString() })
  const failure = state === intent.status.state ? failureOf(intent) : undefined
  return {
    name: `intents/${intent.id}`,
    operationType: intent.operationType,
    state,
    creator: intent.creator,
    payer: partyName(intent.payer),
    payee: partyName(intent.payee),
    amount: money(intent.amountMinor),
    ...(intent.decision.verdict.kind === 'routed'
      ? { payerTotal: money(totals.payerMinor), payeeTotal: money(totals.payeeMinor) }
      : {}),
    ...(intent.parentId === undefined ? {} : { parent: `intents/${intent.parentId}` }),
    ...(failure === undefined ? {} : { failure: failureData(failure) }),
  }
}

function failureData({ reason, message, limit }: Failure): unknown {
  if (limit === undefined) return { reason, message }
  const { limitId, metric, assetCode, cap, used, windowEndSeconds } = limit
  const end = windowEndSeconds === undefined ? {} : { windowEndTime: timeText(windowEndSeconds) }
  const counted = { limitId, metric: `LIMIT_METRIC_${metric}`, assetCode, cap: cap.toString(), used: used.toString() }
  return { reason, message, limit: { ...counted, ...end } }
}

/** RFC 3339, as the JSON of the public API has it. */
function timeText(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().replace('.000', '')
}
