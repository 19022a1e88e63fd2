-- What AccountService keeps of an account that may change, and the account above it.
alter table named_accounts
  -- Null at the top. Fixed at creation, of the same asset.
  add column parent text references named_accounts (name),
  -- 1 at the top.
  add column level int2 not null default 1 check (level between 1 and 8),
  -- The labels as created, once they were changed: whoever repeats the creation is answered by what it asked for then.
  add column created_labels jsonb,
  -- Raised by every change of this row.
  add column revision int8 not null default 1,
  -- What the account is to be, and how often it was frozen or closed so far; account-lifecycle.ts has the moves.
  add column lifecycle text not null default 'OPEN'
    check (lifecycle in ('OPEN', 'FROZEN', 'CLOSING', 'CLOSING_FROZEN', 'CLOSED')),
  add column generation int4 not null default 0;

create index named_accounts_parent on named_accounts (parent) where parent is not null;
