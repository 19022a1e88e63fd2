-- What providers say of the payments that they carry out, and where it does not agree with what we know.
alter table intents
  -- The provider's word that counts: its first final answer, or SETTLED, when it came after the money was given back.
  add column provider_answer text check (provider_answer in ('SETTLED', 'REFUSED'));

-- Payments that a provider has, to be asked about. The others that are unfinished stay in intents_unfinished, as these do.
create index intents_with_provider on intents (resume_after)
  where state = 'AUTHORIZED' and provider_ask_time is not null and capture_minor is null and release_kind is null;

-- Every final answer, once, whoever brought it: the response to a submission, a callback, a poll.
create table provider_events (
  provider text not null,
  -- As the provider calls the event, or we do when it was asked.
  event_id text not null,
  -- As the provider says it: an intent's id, or anything.
  transfer_id text not null,
  status text not null check (status in ('SETTLED', 'REFUSED')),
  amount_minor bigint not null,
  currency text not null,
  reference text not null,
  reason text not null,
  via text not null check (via in ('RESPONSE', 'CALLBACK', 'POLL')),
  -- What it changed.
  effect text not null,
  receive_time timestamptz not null default now(),
  -- One event id with two contents is two events: a provider that uses an id twice must not be able to hide one.
  primary key (provider, event_id, transfer_id, status, amount_minor, currency)
);
create index provider_events_by_transfer on provider_events (transfer_id, receive_time);

-- For people: each is looked into by somebody, and resolved with a note.
create table discrepancies (
  -- A UUIDv7.
  id uuid primary key,
  provider text not null,
  kind text not null check (kind in ('LATE_SUCCESS', 'AMOUNT_MISMATCH', 'UNKNOWN_TRANSFER', 'CONTRADICTION')),
  transfer_id text not null,
  -- Null for UNKNOWN_TRANSFER.
  intent_id uuid,
  -- What the provider last said.
  status text not null,
  amount_minor bigint not null,
  currency text not null,
  reference text not null,
  -- How often it said so.
  event_count integer not null default 1,
  create_time timestamptz not null,
  update_time timestamptz not null,
  -- Of a LATE_SUCCESS: DUE until the Ledger has booked the money from suspense, NOT_NEEDED when the payment settled after all.
  booking text check (booking in ('DUE', 'BOOKED', 'NOT_NEEDED')),
  -- Nobody else books it before.
  book_after timestamptz,
  resolve_time timestamptz,
  resolver text,
  resolve_note text,
  -- So that a provider that repeats itself fills no table. What it repeats after it was resolved opens nothing anew.
  constraint discrepancies_once unique (provider, transfer_id, kind),
  constraint discrepancies_booking check ((kind = 'LATE_SUCCESS') = (booking is not null)),
  constraint discrepancies_resolved check (num_nonnulls(resolve_time, resolver, resolve_note) in (0, 3))
);
create index discrepancies_open on discrepancies (id) where resolve_time is null;
create index discrepancies_to_book on discrepancies (book_after) where booking = 'DUE';
