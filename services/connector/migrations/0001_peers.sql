-- The other Interledger nodes. Ids are compared by bytes: they are part of ILP addresses, whose case counts.
create table peers (
  peer_id text collate "C" primary key,
  asset_code text not null,
  asset_scale smallint not null check (asset_scale between 0 and 255),
  create_time timestamptz not null default now()
);

-- Bearer tokens by which peers sign in at /ilp. Only hashes: whoever reads the table cannot sign in.
create table peer_tokens (
  token_sha256 bytea primary key check (octet_length(token_sha256) = 32),
  peer_id text collate "C" not null references peers,
  create_time timestamptz not null default now()
);

create index peer_tokens_by_peer on peer_tokens (peer_id);

-- One row whose number grows with every change of the tables above, so that a replica sees with one read of one row whether
-- what it holds in memory is the newest.
create table peers_revision (
  is_only_row boolean primary key default true check (is_only_row),
  revision bigint not null
);

insert into peers_revision (revision) values (0);
