-- Verification reads the journal batch by batch. Rows lie in the order of their batches, so block range indexes of a few
-- kilobytes find a batch's rows; ranges that nobody summarized would be read whole for every batch.
create index accounts_batch on accounts using brin (batch) with (autosummarize = on);
create index failed_transfers_batch on failed_transfers using brin (batch) with (autosummarize = on);
alter index transfers_batch set (autosummarize = on);

-- What released a hold. Only posts and voids are in it.
create index transfers_pending_id on transfers (pending_id) where pending_id is not null;

-- What TakeSnapshot has recorded: where the ledger stood, for comparing with copies that are kept elsewhere.
create table snapshots (
  batch int8 primary key,
  create_time timestamptz not null,
  hash bytea not null check (length(hash) = 32),
  account_count int8 not null,
  -- [{ledger, debits_pending, debits_posted, credits_pending, credits_posted}], numbers as text, in the order of ledgers.
  totals jsonb not null
);
