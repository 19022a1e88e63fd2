-- Proof that a contact is its owner's. Until a user has given it, the address is only what somebody wrote: any number of
-- users may have written it, and none of them holds it.

alter table users add column contact_verify_time timestamptz;
-- When the user first signed in. Who never does and verifies nothing is forgotten.
alter table users add column sign_in_time timestamptz;
alter table users drop constraint users_email_taken;
create unique index users_contact_held on users (email_index) where contact_verify_time is not null;
create index users_by_email on users (email_index);
create index users_abandoned on users (create_time) where contact_verify_time is null and sign_in_time is null;
-- Those who registered before may have signed in.
update users set sign_in_time = create_time;

-- What was sent to a contact and is to come back, by whom and what for; another one takes the place of the one before.
create table codes (
  user_id uuid not null references users (id) on delete cascade,
  purpose text not null check (purpose in ('VERIFY_CONTACT', 'RESET_PASSWORD')),
  -- HMAC-SHA256 under BLIND_INDEX_KEY: a million codes are tried in no time by whoever has the table alone.
  hash bytea not null check (octet_length(hash) = 32),
  try_count integer not null default 0,
  create_time timestamptz not null,
  expire_time timestamptz not null,
  primary key (user_id, purpose)
);
create index codes_by_expire_time on codes (expire_time);

-- How often something was tried, and when it may be tried next. throttle.ts says what.
create table throttles (
  kind text not null,
  -- A keyed hash of whom it is about.
  subject bytea not null check (octet_length(subject) = 32),
  try_count integer not null,
  last_time timestamptz not null,
  free_time timestamptz not null,
  primary key (kind, subject)
);
create index throttles_by_last_time on throttles (last_time);

-- What is to be told to people, until it was handed over. Content and address are sealed: notification.ts.
create table notifications (
  id uuid primary key,
  wrapping_key_id text not null,
  sealed bytea not null,
  try_count integer not null default 0,
  next_time timestamptz not null,
  -- Later than this it is of no use.
  expire_time timestamptz not null
);
create index notifications_by_next_time on notifications (next_time);
