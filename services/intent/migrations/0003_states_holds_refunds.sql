-- Every state of a payment, holds that are settled later, refunds, reviews, and an event for each move.

alter table intents
  -- Of a payment that is held first: how long, and until when by this database's clock.
  add column hold_seconds integer check (hold_seconds > 0),
  add column hold_expire_time timestamptz,
  -- What was asked to become of the hold, each written before the Ledger is asked and never changed: the amount to
  -- settle, and why to release it. Both may be there; the Ledger decides, and the state says what it did.
  add column capture_minor bigint check (capture_minor > 0 and capture_minor <= amount_minor),
  add column release_kind text check (release_kind in ('CANCEL', 'EXPIRE', 'FAIL')),
  add column release_reason text,
  add column release_message text,
  -- Of a refund: the intent that it gives back.
  add column parent uuid,
  -- What settled, before fees; what refunds asked for that were not refused; what they gave back.
  add column settled_minor bigint,
  add column refund_asked_minor bigint not null default 0,
  add column refunded_minor bigint not null default 0,
  -- All fees of the decision together. Zero for intents older than this column.
  add column fees_minor bigint not null default 0,
  add column review_time timestamptz,
  -- The second time that the intent became VALIDATED: after its review.
  add column approve_time timestamptz,
  add column fail_time timestamptz,
  add column cancel_time timestamptz,
  add column expire_time timestamptz,
  drop constraint intents_state_check,
  drop constraint intents_failure;

update intents set settled_minor = amount_minor where state = 'SETTLED';

alter table intents
  add constraint intents_state check (
    state in ('VALIDATED', 'IN_REVIEW', 'AUTHORIZED', 'SETTLED', 'REJECTED', 'FAILED', 'CANCELLED', 'EXPIRED')
  ),
  add constraint intents_failure check ((state in ('REJECTED', 'FAILED')) = (failure_reason is not null)),
  add constraint intents_hold check ((hold_seconds is null) = (hold_expire_time is null)),
  add constraint intents_release check ((release_kind is not distinct from 'FAIL') = (release_reason is not null)),
  add constraint intents_settled check ((state = 'SETTLED') = (settled_minor is not null)),
  -- No sequence of refunds, at once or one after the other, gives back more than settled: the row refuses.
  add constraint intents_refunds check (
    refunded_minor between 0 and refund_asked_minor and refund_asked_minor <= coalesce(settled_minor, 0)
  );

drop index intents_unfinished;
-- An intent that rests on a hold is due when the hold ends.
create index intents_unfinished on intents (resume_after) where state in ('VALIDATED', 'AUTHORIZED');
create index intents_in_review on intents (id) where state = 'IN_REVIEW';
create index intents_by_parent on intents (parent) where parent is not null;

-- Requests to confirm and to cancel, so that each is recognised when it comes again.
create table hold_requests (
  creator text not null,
  request_id text not null,
  request_hash bytea not null,
  intent_id uuid not null,
  create_time timestamptz not null,
  primary key (creator, request_id)
);

-- A row is what one write tells: an event for each move, oldest first. `sequence` is the intent's version.
alter table outbox rename column event to events;
alter table outbox
  -- How often Valkey answered and would not take an event, and when the row was given up for that.
  add column refusals integer not null default 0,
  add column dead_time timestamptz;
update outbox set events = json_build_array(events);
