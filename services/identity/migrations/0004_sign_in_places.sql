-- From where a user has signed in before: a keyed hash of user and network, nothing that reads as an address.
create table sign_in_places (
  user_id uuid not null references users (id) on delete cascade,
  place bytea not null check (octet_length(place) = 32),
  last_time timestamptz not null,
  primary key (user_id, place)
);
create index sign_in_places_by_last_time on sign_in_places (last_time);
