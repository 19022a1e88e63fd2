alter table wallets
  add column labels jsonb not null default '{}',
  -- Counts the changes of display_name and labels: the etag.
  add column revision integer not null default 1,
  -- When the Ledger was known to have closed the wallet's account for ever. Whether a wallet is frozen, only the Ledger
  -- knows.
  add column close_time timestamptz;

-- How many wallets a user has in an asset.
create index wallets_in_use on wallets (owner, asset_code) where close_time is null;

-- Who asked to freeze, unfreeze or close a wallet, when and why: written before the Ledger is asked, never changed.
create table wallet_orders (
  wallet_id uuid not null,
  -- A UUIDv7.
  id uuid not null,
  kind text not null check (kind in ('FREEZE', 'UNFREEZE', 'CLOSE')),
  reason text not null,
  actor text not null,
  create_time timestamptz not null,
  primary key (wallet_id, id)
);
