-- Rules by which a wallet is filled from another of its owner's, and how far each is.
create table auto_top_ups (
  wallet_id uuid primary key,
  -- The rule. Amounts are null until it was first complete.
  enabled boolean not null default false,
  threshold_minor bigint check (threshold_minor > 0),
  amount_minor bigint check (amount_minor > 0),
  source_wallet uuid,
  daily_cap_minor bigint check (daily_cap_minor >= amount_minor),
  -- Counts the changes of the rule: what was found out under one is not written over the next.
  revision integer not null default 0,
  -- Numbers the top-ups. A round has one request id, so it is one payment, whoever carries it out and however often.
  round bigint not null default 0,
  -- What the top-up under way moves, and from where; null when none is. Written, and counted as used, before it is made.
  pending_minor bigint,
  pending_source uuid,
  -- How much was topped up on which day (UTC), what is under way included.
  used_day date not null default '1970-01-01',
  used_minor bigint not null default 0 check (used_minor >= 0),
  -- When somebody has to look at the wallet next; the lease of who looks. Counts the payments that asked for it, so that
  -- one that comes while somebody looks is not overlooked.
  check_time timestamptz not null default now(),
  nudges bigint not null default 0,
  -- Nobody looks before this time: the back-off after failures, or the end of a day whose cap is used up.
  retry_time timestamptz,
  failures integer not null default 0,
  last_failure_reason text,
  last_failure_time timestamptz,
  last_intent uuid,
  constraint auto_top_ups_complete check (
    not enabled or num_nonnulls(threshold_minor, amount_minor, source_wallet, daily_cap_minor) = 4
  ),
  constraint auto_top_ups_pending check ((pending_minor is null) = (pending_source is null))
);

create index auto_top_ups_due on auto_top_ups (check_time) where enabled or pending_minor is not null;
