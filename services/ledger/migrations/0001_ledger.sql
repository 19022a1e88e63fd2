-- How values are kept. A u128 that is an id is a uuid: the same sixteen bytes, in the same order, and half the cost of a
-- numeric to compare. A u128 that is an amount is a numeric, because amounts are added up. u64 is numeric(20,0) and u32
-- int8, since the signed types are one bit short; a user_data_128 or pending_id of zero is null. Timestamps are
-- nanoseconds since 1970, below 2^63, unique over accounts and transfers.
--
-- Only the writer writes to the tables of the engine, in one statement a batch. `batch` names the batch that wrote a
-- row, so that the journal's hash of any batch can be computed again from the rows themselves.

-- Where the ledger stands. The one row is updated by every batch, under the condition that the epoch is still the
-- writer's and the batch follows the last one: a writer that was replaced without noticing can't write.
create table ledger_head (
  singleton boolean primary key default true check (singleton),
  -- Raised by each process that becomes the writer.
  epoch int8 not null,
  -- The last batch.
  batch int8 not null,
  last_timestamp int8 not null,
  last_account_timestamp int8 not null,
  last_transfer_timestamp int8 not null,
  -- The journal hash of the last batch.
  hash bytea not null check (length(hash) = 32)
  -- Updated thousands of times a second: room in the page for its next versions keeps every update in place.
) with (fillfactor = 10, autovacuum_vacuum_threshold = 10000);

insert into ledger_head values (true, 0, 0, 0, 0, 0, decode(repeat('00', 32), 'hex'));

-- One row a batch. hash = SHA-256 over the hash of the batch before and the batch's lines (postgres-engine/journal.ts).
create table journal (
  batch int8 primary key,
  epoch int8 not null,
  -- The ledger's clock after the batch.
  last_timestamp int8 not null,
  account_count int4 not null,
  transfer_count int4 not null,
  expired_count int4 not null,
  failed_count int4 not null,
  hash bytea not null check (length(hash) = 32)
);

create table accounts (
  timestamp int8 not null,
  batch int8 not null,
  ledger int8 not null,
  user_data_32 int8 not null,
  code int4 not null,
  -- As created; `closed` says what the closed bit is now.
  flags int4 not null,
  closed boolean not null,
  id uuid not null primary key,
  user_data_128 uuid,
  user_data_64 numeric(20, 0) not null,
  debits_pending numeric(39, 0) not null check (debits_pending >= 0),
  debits_posted numeric(39, 0) not null check (debits_posted >= 0),
  credits_pending numeric(39, 0) not null check (credits_pending >= 0),
  credits_posted numeric(39, 0) not null check (credits_posted >= 0)
) with (fillfactor = 50);
-- No index holds a balance, so updates stay in their page.
create unique index accounts_timestamp on accounts (timestamp);

-- Never updated.
create table transfers (
  timestamp int8 not null,
  batch int8 not null,
  ledger int8 not null,
  timeout_seconds int8 not null,
  user_data_32 int8 not null,
  code int4 not null,
  flags int4 not null,
  id uuid not null primary key,
  debit_account_id uuid not null,
  credit_account_id uuid not null,
  pending_id uuid,
  user_data_128 uuid,
  user_data_64 numeric(20, 0) not null,
  amount numeric(39, 0) not null check (amount >= 0)
);
create unique index transfers_timestamp on transfers (timestamp);
create index transfers_debit_account on transfers (debit_account_id, timestamp);
create index transfers_credit_account on transfers (credit_account_id, timestamp);
-- Rows lie in the order of their batches, so a block range index of a few kilobytes finds a batch's rows.
create index transfers_batch on transfers using brin (batch);

-- What became of each pending transfer: 1 pending, 2 posted, 3 voided, 4 expired.
create table pending_transfers (
  timestamp int8 not null,
  -- Null: never.
  expires_at int8,
  -- The batch that posted, voided or expired it; null while pending.
  resolved_batch int8,
  state int2 not null check (state between 1 and 4),
  id uuid not null primary key
) with (fillfactor = 80);
create index pending_transfers_due on pending_transfers (expires_at, timestamp)
  where state = 1 and expires_at is not null;
create index pending_transfers_expired on pending_transfers (resolved_batch) where state = 4;

-- Transfer ids spent by a transient failure, with that failure. Nothing about the failed request is kept but
-- user_data_64, where PostChain leaves the digest of its chain.
create table failed_transfers (
  batch int8 not null,
  status int4 not null,
  id uuid not null primary key,
  user_data_64 numeric(20, 0) not null
);

-- The counters of accounts with the history flag, after each of their transfers.
create table account_balances (
  timestamp int8 not null,
  account_id uuid not null,
  debits_pending numeric(39, 0) not null,
  debits_posted numeric(39, 0) not null,
  credits_pending numeric(39, 0) not null,
  credits_posted numeric(39, 0) not null,
  primary key (account_id, timestamp)
);

-- Names: what AccountService knows beside the engine. Written before the engine's account, so a row without one is an
-- account whose creation was interrupted; asking for it again completes it.

create table assets (
  code text primary key check (code ~ '^[A-Z0-9]{1,16}$'),
  scale int2 not null check (scale between 0 and 18),
  ledger int8 not null unique generated always as identity
);

create table named_accounts (
  name text primary key,
  id uuid not null unique,
  asset_code text not null references assets (code),
  kind int2 not null,
  owner text not null,
  labels jsonb not null
);
create index named_accounts_owner on named_accounts (owner) where owner <> '';
