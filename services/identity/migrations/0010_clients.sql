-- Programs that sign their requests, and what they sign with.

create table clients (
  id uuid primary key,
  -- Who created it, and under which request id: one creation a request.
  creator text not null,
  request_id text not null,
  request_hash bytea not null check (octet_length(request_hash) = 32),
  display_name text not null,
  -- Names of roles.ts, not checked here: one that a running replica does not know permits nothing.
  permissions text[] not null,
  -- users/{id}, or * alone.
  may_act_for text[] not null,
  networks text[] not null,
  disabled boolean not null default false,
  revision integer not null default 1,
  create_time timestamptz not null,
  unique (creator, request_id)
);

create table client_keys (
  id uuid primary key,
  client_id uuid not null references clients (id) on delete cascade,
  algorithm text not null check (algorithm in ('hmac-sha256', 'ed25519')),
  public_key bytea check (octet_length(public_key) = 32),
  -- A secret, sealed by the key-encryption key of that id.
  wrapping_key_id text,
  sealed bytea,
  -- Of a secret that was rotated to: under which request id, and what was asked.
  request_id text,
  request_hash bytea check (octet_length(request_hash) = 32),
  create_time timestamptz not null,
  expire_time timestamptz,
  check ((algorithm = 'ed25519') = (public_key is not null)),
  check ((algorithm = 'hmac-sha256') = (sealed is not null and wrapping_key_id is not null)),
  check ((request_id is null) = (request_hash is null)),
  unique (client_id, public_key),
  unique (client_id, request_id)
);
create index client_keys_by_client on client_keys (client_id, id);
-- Rotation walks the secrets that an old key-encryption key seals.
create index client_keys_by_wrapping_key on client_keys (wrapping_key_id, id) where wrapping_key_id is not null;
create index client_keys_by_expire_time on client_keys (expire_time) where expire_time is not null;
