-- Drafts of rule sets, which people change until another person publishes them.
create table rule_set_drafts (
  id uuid primary key,
  -- The request that made it: once, however often it was sent.
  creator text not null,
  request_id text not null,
  request_hash bytea not null check (octet_length(request_hash) = 32),
  document jsonb not null,
  description text not null,
  -- Everybody who wrote it, the creator first.
  contributors text[] not null check (contributors[1] = creator),
  base_version bigint not null check (base_version >= 0),
  -- Counts changes: the etag.
  revision bigint not null default 1,
  published_version bigint unique references rule_sets (version),
  create_time timestamptz not null default now(),
  update_time timestamptz not null default now(),
  unique (creator, request_id)
);

create index rule_set_drafts_by_time on rule_set_drafts (create_time desc, id desc) where published_version is null;

-- Of versions published since: who did it, and which draft or earlier version they are, and who wrote the document.
alter table rule_sets
  add column contributors text[],
  add column publisher text,
  add column draft_id uuid,
  add column rolled_back_to bigint references rule_sets (version);

-- What was decided lately, for dry runs: a sample, the newest ten thousand. Encoded as the contract's Facts.
create table recorded_facts (
  id bigint generated always as identity primary key,
  facts bytea not null,
  record_time timestamptz not null default now()
);
