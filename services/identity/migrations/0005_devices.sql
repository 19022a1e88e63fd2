-- Devices whose keys users bound, challenges for them, and PINs.

create table devices (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  -- Sealed under the user's data key.
  display_name bytea not null,
  -- P-256, SubjectPublicKeyInfo in DER with the point uncompressed.
  public_key bytea not null,
  -- SHA-256 of it: a key is one user's.
  key_hash bytea not null constraint devices_key_taken unique check (octet_length(key_hash) = 32),
  -- What the platform said of the key, as it came; empty when it said nothing.
  attestation bytea not null check (octet_length(attestation) <= 16384),
  create_time timestamptz not null,
  use_time timestamptz
);
create index devices_by_user on devices (user_id, create_time);

create table device_challenges (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  -- Not a reference: a session may be gone, and with it what the challenge is good for.
  session_id uuid,
  -- Null for binding; otherwise who is to sign.
  device_id uuid references devices (id) on delete cascade,
  challenge bytea not null check (octet_length(challenge) = 32),
  create_time timestamptz not null,
  expire_time timestamptz not null
);
create index device_challenges_by_user on device_challenges (user_id, create_time);
create index device_challenges_by_expire_time on device_challenges (expire_time);
create index device_challenges_by_device on device_challenges (device_id);

create table pins (
  user_id uuid primary key references users (id) on delete cascade,
  -- argon2id in PHC form over a keyed hash: a million PINs are tried in an hour by whoever has the table alone.
  hash text not null,
  update_time timestamptz not null
);

-- The device that stepped the session up last.
alter table sessions add column device_id uuid references devices (id) on delete set null;
create index sessions_by_device on sessions (device_id) where device_id is not null;

alter table codes drop constraint codes_purpose_check;
alter table codes add constraint codes_purpose_check check (purpose in ('VERIFY_CONTACT', 'RESET_PASSWORD', 'DEVICE'));
