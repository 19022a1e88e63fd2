// The two statements that write intents, many at once, and what they are given.
import { Decision as DecisionMessage } from '../../../gen/paymesh/rules/v1/decision.js'
import { decisionToMessage } from '../decisions/decision-message.js'
import { feesOf } from '../decisions/decision.js'
import { eventsOf } from '../events/event.js'
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
import { limitExcessToJson } from '../limits/limit-json.js'
import { columnsOf, namesOf, parametersOf, rowsAs } from '../../runtime/postgres-columns.js'

// How long a new intent is left to the request that made it. Longer than a payment takes when all is well, and short
// enough that the payer of an interrupted one does not wait long.
const resumeAfter = `interval '3 seconds'`

const stored = columnsOf<Intent>()

const insertColumns = [
  stored.uuid('id', (i) => i.id),
  stored.text('creator', (i) => i.creator),
  stored.text('request_id', (i) => i.requestId),
  stored.bytea('request_hash', (i) => i.requestHash),
  stored.text('operation_type', (i) => i.operationType),
  stored.uuid('payer_wallet', (i) => (i.payer.kind === 'wallet' ? i.payer.walletId : undefined)),
  stored.text('payer_account', (i) => (i.payer.kind === 'account' ? i.payer.account : undefined)),
  stored.uuid('payee_wallet', (i) => (i.payee.kind === 'wallet' ? i.payee.walletId : undefined)),
  stored.text('payee_account', (i) => (i.payee.kind === 'account' ? i.payee.account : undefined)),
  stored.jsonb('payee_external', (i) => (i.payee.kind === 'external' ? JSON.stringify(i.payee.external) : undefined)),
  stored.text('asset_code', (i) => i.assetCode),
  stored.bigint('amount_minor', (i) => i.amountMinor),
  stored.jsonb('metadata', (i) => JSON.stringify(i.metadata)),
  stored.bytea('decision', (i) => DecisionMessage.encode(decisionToMessage(i.decision, i.assetCode)).finish()),
  stored.text('channel', (i) => (i.decision.verdict.kind === 'routed' ? i.decision.verdict.channel : '')),
  stored.text('provider', (i) => i.submission?.provider),
  stored.smallint('attempt', (i) => i.attempt),
  stored.jsonb('limit_accounts', (i) => (i.limitAccounts.length === 0 ? undefined : JSON.stringify(i.limitAccounts))),
  stored.text('state', (i) => i.status.state),
  stored.text('failure_reason', (i) => failureOf(i)?.reason),
  stored.text('failure_message', (i) => failureOf(i)?.message),
  stored.jsonb('failure_limit', excessJson),
  stored.timestamptz('create_time', reached('CREATED')),
  stored.timestamptz('validate_time', reached('VALIDATED')),
  stored.timestamptz('review_time', reached('IN_REVIEW')),
  stored.timestamptz('reject_time', reached('REJECTED')),
  stored.integer('version', (i) => i.version),
  stored.integer('hold_seconds', (i) => i.holdSeconds),
  stored.uuid('parent', (i) => i.parentId),
  stored.bigint('fees_minor', (i) => feesOf(i.decision).reduce((sum, fee) => sum + fee.amountMinor, 0n)),
]

const givenColumns = [...insertColumns, stored.json('events', (i) => JSON.stringify(eventsOf(i, 1)))]

const insertWith = `
with given as (
  select * from ${rowsAs('g', givenColumns)}
), written as (
  insert into intents (${namesOf(insertColumns)}, hold_expire_time, resume_after)
  select ${namesOf(insertColumns)},
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
  return parametersOf(givenColumns, intents)
}

const moved = columnsOf<Update>()

const updateColumns = [
  moved.uuid('id', ({ after }) => after.id),
  moved.integer('version', ({ after }) => after.version),
  moved.smallint('attempt', ({ after }) => after.attempt),
  moved.text('state', ({ after }) => after.status.state),
  moved.text('failure_reason', ({ after }) => failureOf(after)?.reason),
  moved.text('failure_message', ({ after }) => failureOf(after)?.message),
  moved.jsonb('failure_limit', ({ after }) => excessJson(after)),
  moved.timestamptz('approve_time', ({ after }) => approvedMs(after)),
  moved.timestamptz('authorize_time', ({ after }) => reachedMs(after, 'AUTHORIZED')),
  moved.timestamptz('settle_time', ({ after }) => reachedMs(after, 'SETTLED')),
  moved.timestamptz('reject_time', ({ after }) => reachedMs(after, 'REJECTED')),
  moved.timestamptz('fail_time', ({ after }) => reachedMs(after, 'FAILED')),
  moved.timestamptz('cancel_time', ({ after }) => reachedMs(after, 'CANCELLED')),
  moved.timestamptz('expire_time', ({ after }) => reachedMs(after, 'EXPIRED')),
  moved.bigint('settled_minor', ({ after }) => settledMinor(after)),
  moved.json('events', ({ before, after }) => JSON.stringify(eventsOf(after, before.changes.length))),
]

const legalPairs = legalUpdates.map(([from, to]) => `('${from}', '${to}')`).join(', ')

// The condition is the state machine's: only legal moves, and only from the version and attempt that were read: what an
// attempt came to says nothing of the one after it.
//
// A refund's parent is entered last and in the order of ids, so that two such statements cannot wait for each other in a
// ring.
export const updateText = `
with given as (
  select * from ${rowsAs('g', updateColumns)}
), changed as (
  update intents i
  set state = g.state, version = g.version, failure_reason = g.failure_reason, failure_message = g.failure_message,
      approve_time = g.approve_time, authorize_time = g.authorize_time, settle_time = g.settle_time,
      reject_time = g.reject_time, fail_time = g.fail_time, cancel_time = g.cancel_time, expire_time = g.expire_time,
      settled_minor = g.settled_minor, failure_limit = g.failure_limit, resume_count = 0,
      -- Nothing is held while somebody reviews: the time of the hold begins when it may be made.
      hold_expire_time = case
        when i.state = 'IN_REVIEW' and g.state = 'VALIDATED' then now() + make_interval(secs => i.hold_seconds)
        else i.hold_expire_time
      end,
      resume_after = case
        when g.state = 'AUTHORIZED' and i.provider is null and i.release_kind is null then coalesce(i.hold_expire_time, now())
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
  return parametersOf(updateColumns, updates)
}

function excessJson(intent: Intent): string | undefined {
  const excess = failureOf(intent)?.limit
  return excess && JSON.stringify(limitExcessToJson(excess))
}

function reached(state: IntentState): (intent: Intent) => number | undefined {
  return (intent) => reachedMs(intent, state)
}
