create table wallets (
  id uuid primary key,
  creator text not null,
  request_id text not null,
  request_hash bytea not null,
  owner text not null,
  asset_code text not null,
  display_name text not null,
  create_time timestamptz not null,
  -- When the wallet's account in the Ledger was known to exist. Null after a crash between this row and that account:
  -- whoever needs the wallet next opens it.
  open_time timestamptz,
  constraint wallets_request unique (creator, request_id)
);

create index wallets_by_owner on wallets (owner, id);

create table intents (
  -- A UUIDv7 that ends in 16 zero bits; the ids of its transfers differ from it only there.
  id uuid primary key,
  creator text not null,
  request_id text not null,
  request_hash bytea not null,
  operation_type text not null,
  -- Exactly one of wallet and account a side. No foreign keys: wallets are never deleted, and the check would lock the
  -- row of a busy payee in every payment.
  payer_wallet uuid,
  payer_account text,
  payee_wallet uuid,
  payee_account text,
  asset_code text not null,
  amount_minor bigint not null check (amount_minor > 0),
  metadata jsonb not null,
  -- The decision frozen before money moved: paymesh.rules.v1.Decision, its very bytes.
  decision bytea not null,
  channel text not null,
  attempt smallint not null check (attempt between 0 and 15),
  state text not null check (state in ('VALIDATED', 'SETTLED', 'REJECTED')),
  failure_reason text,
  failure_message text,
  create_time timestamptz not null,
  validate_time timestamptz,
  authorize_time timestamptz,
  settle_time timestamptz,
  reject_time timestamptz,
  version integer not null,
  -- When the resumer may take the intent, and how often it did.
  resume_after timestamptz not null,
  resume_count integer not null default 0,
  constraint intents_request unique (creator, request_id),
  constraint intents_payer check (num_nonnulls(payer_wallet, payer_account) = 1),
  constraint intents_payee check (num_nonnulls(payee_wallet, payee_account) = 1),
  constraint intents_failure check ((state = 'REJECTED') = (failure_reason is not null))
);

create index intents_by_creator on intents (creator, id);
create index intents_by_payer on intents (payer_wallet, id);
create index intents_by_payee on intents (payee_wallet, id);
create index intents_unfinished on intents (resume_after) where state = 'VALIDATED';

create table outbox (
  intent_id uuid not null,
  -- The intent's version that the event tells of; events of one intent leave in this order.
  sequence integer not null,
  event json not null,
  attempts integer not null default 0,
  -- Nobody else publishes the event before this time: the lease of the worker that took it, and its back-off.
  publish_after timestamptz not null,
  primary key (intent_id, sequence)
  -- Every row is updated once and deleted: room on the page keeps that out of the index.
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
