// What the world is told when an intent reaches a final state: CloudEvents 1.0 in its JSON format.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
import { accountName } from './account-names.js'
import { totalsOf } from './decision.js'
import { type Intent, isFinal, type Party } from './intent.js'

/** The event of an intent's newest write, as JSON; undefined when that write tells nobody anything. */
export function eventOf(intent: Intent): string | undefined {
  const last = intent.changes.at(-1)
  if (!isFinal(intent) || last === undefined) return undefined
  return JSON.stringify({
    specversion: '1.0',
    id: `${intent.id}.${intent.version}`,
    source: '/paymesh/intent',
    type: `paymesh.intent.${last.state.toLowerCase()}.v1`,
    subject: `intents/${intent.id}`,
    time: new Date(last.timeMs).toISOString(),
    datacontenttype: 'application/json',
    data: dataOf(intent),
  })
}

// Names as in the JSON of the public API; int64 as decimal strings. No free text of the caller's: consumers who need
// the metadata read the intent.
function dataOf(intent: Intent): unknown {
  const totals = totalsOf(intent.amountMinor, intent.decision)
  const money = (minor: bigint) => ({ assetCode: intent.assetCode, minorUnits: minor.toString() })
  return {
    name: `intents/${intent.id}`,
    operationType: intent.operationType,
    state: intent.status.state,
    creator: intent.creator,
    payer: partyName(intent.payer),
    payee: partyName(intent.payee),
    amount: money(intent.amountMinor),
    ...(intent.decision.verdict.kind === 'routed'
      ? { payerTotal: money(totals.payerMinor), payeeTotal: money(totals.payeeMinor) }
      : {}),
    ...(intent.status.state === 'REJECTED' ? { failure: intent.status.failure } : {}),
  }
}

function partyName(party: Party): string {
  return party.kind === 'wallet' ? `wallets/${party.walletId}` : accountName(party)
}
