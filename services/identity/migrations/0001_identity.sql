-- Users, what is personal about them, their sessions and roles, and the keys that sign their tokens.
-- Nothing in these tables reads as a person: names and addresses are sealed under a key of the user's own, and what
-- must be found again is found by a keyed hash.

create table users (
  id uuid primary key,
  -- HMAC-SHA256 of the normalised address under BLIND_INDEX_KEY: unique and findable, yet not guessable without the key.
  email_index bytea not null constraint users_email_taken unique check (octet_length(email_index) = 32),
  -- Sealed under the user's data key; the form is described in keyring.ts.
  email bytea not null,
  display_name bytea not null,
  create_time timestamptz not null
);

-- A table of its own, so that erasing a person is deleting one row, and wrapping keys anew touches no user.
create table data_keys (
  user_id uuid primary key references users (id) on delete cascade,
  -- The key-encryption key that wraps this one.
  wrapping_key_id text not null,
  wrapped_key bytea not null,
  create_time timestamptz not null
);
-- Rotation walks the keys that an old key-encryption key wraps.
create index data_keys_by_wrapping_key on data_keys (wrapping_key_id, user_id);

create table passwords (
  user_id uuid primary key references users (id) on delete cascade,
  -- argon2id in PHC form, parameters included.
  hash text not null,
  update_time timestamptz not null
);

create table grants (
  user_id uuid not null references users (id) on delete cascade,
  -- A name of roles.ts. Not checked here: the table of roles lives in one place, and a name that a running replica
  -- does not know grants nothing.
  role text not null,
  -- users/{id} or peers/{name}.
  granter text not null,
  create_time timestamptz not null,
  primary key (user_id, role)
);

create table sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  create_time timestamptz not null,
  -- The end whatever happens; never moved.
  expire_time timestamptz not null,
  revoke_time timestamptz,
  revoke_reason text,
  check ((revoke_time is null) = (revoke_reason is null))
);
create index sessions_by_user on sessions (user_id, create_time);
create index sessions_by_expire_time on sessions (expire_time);

create table refresh_tokens (
  -- SHA-256 of the token.
  hash bytea primary key check (octet_length(hash) = 32),
  session_id uuid not null references sessions (id) on delete cascade,
  create_time timestamptz not null,
  expire_time timestamptz not null,
  -- When it was exchanged. A used token is kept until its expire time: it is how a replay is known.
  use_time timestamptz
);
create index refresh_tokens_by_session on refresh_tokens (session_id);
create index refresh_tokens_by_expire_time on refresh_tokens (expire_time);
-- Of a session's tokens at most one is fresh, whatever the code does.
create unique index refresh_tokens_one_fresh on refresh_tokens (session_id) where use_time is null;

-- The states (published, signing, retired) follow from the times; signing-key.ts says how.
create table signing_keys (
  -- Replicas that make the next key at the same moment meet here; the first wins and the others take its key.
  generation integer primary key check (generation > 0),
  kid text not null unique,
  algorithm text not null check (algorithm in ('EdDSA', 'ES256')),
  public_jwk jsonb not null,
  wrapping_key_id text not null,
  wrapped_private_jwk bytea not null,
  publish_time timestamptz not null,
  sign_time timestamptz not null,
  retire_time timestamptz,
  check (publish_time <= sign_time),
  check (retire_time is null or retire_time > sign_time)
);
