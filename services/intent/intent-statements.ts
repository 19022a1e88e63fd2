// The two statements that write intents, many at once, and what they are given.
import { Decision as DecisionMessage } from '../../gen/paymesh/rules/v1/decision.js'
import { decisionToMessage } from './decision-message.js'
import { feesOf } from './decision.js'
import { eventsOf } from './event.js'
import {
  approvedMs,
  failureOf,
  type Intent,
  type IntentState,
  legalUpdates,
  reachedMs,
  settledMinor,
} from './intent.js'
import { type Update } from './intent-store.js'
import { limitExcessToJson } from './limit-json.js'

// How long a new intent is left to the request that made it. Longer than a payment takes when all is well, and short
// enough that the payer of an interrupted one does not wait long.
const resumeAfter = `interval '3 seconds'`

const insertColumns = `
    id, creator, request_id, request_hash, operation_type, payer_wallet, payer_account, payee_wallet, payee_account,
    asset_code, amount_minor, metadata, decision, channel, attempt, state, failure_reason, failure_message,
    create_time, validate_time, review_time, reject_time, version, hold_seconds, parent, fees_minor, limit_accounts,
    failure_limit, payee_external, provider`

const insertWith = `
with given as (
  select * from unnest(
    $1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::uuid[], $7::text[], $8::uuid[], $9::text[],
    $10::text[], $11::bigint[], $12::jsonb[], $13::bytea[], $14::text[], $15::smallint[], $16::text[], $17::text[],
    $18::text[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::integer[],
    $24::integer[], $25::uuid[], $26::bigint[], $27::jsonb[], $28::jsonb[], $29::jsonb[], $30::text[], $31::json[]
  ) as g(${insertColumns}, events
  )
), written as (
  insert into intents (${insertColumns}, hold_expire_time, resume_after
  )
  select ${insertColumns},
    now() + make_interval(secs => hold_seconds), now() + ${resumeAfter}
  from given
  on conflict (creator, request_id) do nothing
  returning id, parent, amount_minor, hold_expire_time
), told as (
  insert into outbox (intent_id, sequence, events, publish_after)
  select g.id, g.version, g.events, now() from given g join written w on w.id = g.id
)`

export const insertText = `${insertWith}
select id, hold_expire_time from written`

/** For one refund: the check `intents_refunds` on its parent makes all of it fail when there is no room. */
export const refundInsertText = `${insertWith}, room as (
  update intents p set refund_asked_minor = p.refund_asked_minor + w.amount_minor from written w where p.id = w.parent
)
select id, hold_expire_time from written`

export function insertValues(intents: readonly Intent[]): unknown[] {
  const column = (value: (intent: Intent) => unknown) => intents.map(value)
  const time = (state: IntentState) => column((i) => timeText(reachedMs(i, state)))
  return [
    column((i) => i.id),
    column((i) => i.creator),
    column((i) => i.requestId),
    column((i) => i.requestHash),
    column((i) => i.operationType),
    column((i) => (i.payer.kind === 'wallet' ? i.payer.walletId : null)),
    column((i) => (i.payer.kind === 'account' ? i.payer.account : null)),
    column((i) => (i.payee.kind === 'wallet' ? i.payee.walletId : null)),
    column((i) => (i.payee.kind === 'account' ? i.payee.account : null)),
    column((i) => i.assetCode),
    column((i) => i.amountMinor.toString()),
    column((i) => JSON.stringify(i.metadata)),
    column((i) => Buffer.from(DecisionMessage.encode(decisionToMessage(i.decision, i.assetCode)).finish())),
    column((i) => (i.decision.verdict.kind === 'routed' ? i.decision.verdict.channel : '')),
    column((i) => i.attempt),
    column((i) => i.status.state),
    column((i) => failureOf(i)?.reason ?? null),
    column((i) => failureOf(i)?.message ?? null),
    time('CREATED'),
    time('VALIDATED'),
    time('IN_REVIEW'),
    time('REJECTED'),
    column((i) => i.version),
    column((i) => i.holdSeconds ?? null),
    column((i) => i.parentId ?? null),
    column((i) =>
      feesOf(i.decision)
        .reduce((sum, fee) => sum + fee.amountMinor, 0n)
        .toString(),
    ),
    column((i) => (i.limitAccounts.length === 0 ? null : JSON.stringify(i.limitAccounts))),
    column(excessJson),
    column((i) => (i.payee.kind === 'external' ? JSON.stringify(i.payee.external) : null)),
    column((i) => i.submission?.provider ?? null),
    column((i) => JSON.stringify(eventsOf(i, 1))),
  ]
}

const legalPairs = legalUpdates.map(([from, to]) => `('${from}', '${to}')`).join(', ')

// The condition is the state machine's: only legal moves, and only from the version and attempt that were read: what an
// attempt came to says nothing of the one after it.
//
// A refund's parent is entered last and in the order of ids, so that two such statements cannot wait for each other in a
// ring.
export const updateText = `
with given as (
  select * from unnest(
    $1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::bigint[],
    $14::smallint[], $15::jsonb[], $16::json[]
  ) as g(
    id, version, state, failure_reason, failure_message, approve_time, authorize_time, settle_time, reject_time,
    fail_time, cancel_time, expire_time, settled_minor, attempt, failure_limit, events
  )
), changed as (
  update intents i
  set state = g.state, version = g.version, failure_reason = g.failure_reason, failure_message = g.failure_message,
      approve_time = g.approve_time, authorize_time = g.authorize_time, settle_time = g.settle_time,
      reject_time = g.reject_time, fail_time = g.fail_time, cancel_time = g.cancel_time, expire_time = g.expire_time,
      settled_minor = g.settled_minor, failure_limit = g.failure_limit, resume_count = 0,
      resume_after = case
        when g.state = 'AUTHORIZED' and i.provider is null then coalesce(i.hold_expire_time, now())
        else now() + ${resumeAfter}
      end
  from given g
  where i.id = g.id and i.version = g.version - 1 and i.attempt = g.attempt
    and (i.state, g.state) in (${legalPairs})
  returning i.id, i.parent, i.state, i.amount_minor
), refunds as (
  select parent as id,
         coalesce(sum(amount_minor) filter (where state = 'SETTLED'), 0) as settled,
         coalesce(sum(amount_minor) filter (where state = 'REJECTED'), 0) as refused
  from changed where parent is not null and state in ('SETTLED', 'REJECTED') group by parent
), parents as materialized (
  select id from intents where id in (select id from refunds) order by id for update
), entered as (
  update intents p
  set refund_asked_minor = p.refund_asked_minor - r.refused, refunded_minor = p.refunded_minor + r.settled
  from refunds r join parents on parents.id = r.id
  where p.id = r.id
), told as (
  insert into outbox (intent_id, sequence, events, publish_after)
  select g.id, g.version, g.events, now() from given g join changed c on c.id = g.id
)
select id from changed`

export function updateValues(updates: readonly Update[]): unknown[] {
  const column = (value: (intent: Intent) => unknown) => updates.map(({ after }) => value(after))
  const time = (state: IntentState) => column((i) => timeText(reachedMs(i, state)))
  return [
    column((i) => i.id),
    column((i) => i.version),
    column((i) => i.status.state),
    column((i) => failureOf(i)?.reason ?? null),
    column((i) => failureOf(i)?.message ?? null),
    column((i) => timeText(approvedMs(i))),
    time('AUTHORIZED'),
    time('SETTLED'),
    time('REJECTED'),
    time('FAILED'),
    time('CANCELLED'),
    time('EXPIRED'),
    column((i) => settledMinor(i)?.toString() ?? null),
    column((i) => i.attempt),
    column(excessJson),
    updates.map(({ before, after }) => JSON.stringify(eventsOf(after, before.changes.length))),
  ]
}

function excessJson(intent: Intent): string | null {
  const excess = failureOf(intent)?.limit
  return excess === undefined ? null : JSON.stringify(limitExcessToJson(excess))
}

// Text rather than Date: the driver formats a Date in local time, at several times the cost.
function timeText(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : new Date(timeMs).toISOString()
}
