-- The nonces of signatures that were taken, until no message that bears them could be taken anyway.
create table nonces (
  -- Without a reference: clients are never deleted, and the check would lock the client's row with every request.
  client_id uuid not null,
  nonce text not null,
  expire_time timestamptz not null,
  primary key (client_id, nonce)
);
create index nonces_by_expire_time on nonces (expire_time);
