create table webhook_endpoints (
  id uuid primary key,
  owner text not null,
  request_id text not null,
  request_hash bytea not null,
  url text not null,
  display_name text not null,
  -- Which types of events; none means all.
  event_types text[] not null,
  disabled boolean not null,
  -- Counts the changes by the owner: the etag.
  revision integer not null default 1,
  create_time timestamptz not null,
  constraint webhook_endpoints_request unique (owner, request_id)
);

create index webhook_endpoints_by_owner on webhook_endpoints (owner, id);

create table webhook_secrets (
  endpoint_id uuid not null references webhook_endpoints on delete cascade,
  -- A UUIDv7: the newest is the endpoint's secret, the others overlap.
  id uuid not null,
  -- Which key of the environment sealed it, and the secret, sealed for this endpoint alone.
  key_id text not null,
  sealed bytea not null,
  -- When it stops signing; null while it is the newest.
  expire_time timestamptz,
  primary key (endpoint_id, id)
);

create table webhook_deliveries (
  -- A UUIDv7.
  id uuid primary key,
  endpoint_id uuid not null references webhook_endpoints on delete cascade,
  event_id text not null,
  event_type text not null,
  -- The events of one intent leave in the order of their sequence, for each endpoint.
  intent_id uuid not null,
  sequence integer not null,
  -- The very bytes that are sent and signed, in each attempt the same.
  body text not null,
  state text not null check (state in ('PENDING', 'DELIVERED', 'DEAD')),
  attempts integer not null default 0,
  -- Nobody sends it before: its back-off and, while it is sent, the lease of the worker that took it.
  due_time timestamptz not null,
  -- When the last attempt may be made.
  give_up_time timestamptz not null,
  last_status integer,
  last_failure text,
  create_time timestamptz not null,
  complete_time timestamptz,
  constraint webhook_deliveries_event unique (endpoint_id, event_id)
) with (fillfactor = 80);

create index webhook_deliveries_list on webhook_deliveries (endpoint_id, id);
create index webhook_deliveries_due on webhook_deliveries (endpoint_id, due_time) where state = 'PENDING';
create index webhook_deliveries_order on webhook_deliveries (endpoint_id, intent_id, sequence) where state = 'PENDING';
create index webhook_deliveries_ended on webhook_deliveries (complete_time) where complete_time is not null;
