-- Evidence: what was asked of audited methods, and what happened to accounts, keys and personal data. Records are chained
-- by hashes (audit-record.ts) and only ever added. They outlive the users that they name, and say nothing personal.

create table audit_records (
  -- Without gaps: a record that is missing is seen.
  sequence bigint primary key check (sequence > 0),
  create_time timestamptz(3) not null,
  kind text not null check (kind in ('CALL_BEGUN', 'CALL_ENDED', 'EVENT')),
  call_id uuid,
  subject text not null,
  actor text not null,
  peer text not null,
  session text not null,
  action text not null,
  resource text not null,
  code text not null,
  reason text not null,
  request_digest bytea not null,
  trace_id text not null,
  -- A JSON object of strings, as it was hashed.
  details text not null check (length(details) <= 1024),
  previous_hash bytea not null check (octet_length(previous_hash) = 32),
  hash bytea not null check (octet_length(hash) = 32)
);
create index audit_records_by_subject on audit_records (subject, sequence);
create index audit_records_by_resource on audit_records (resource, sequence) where resource <> '';
create index audit_records_by_action on audit_records (action, sequence);

-- Where the chain ends. Locked by whoever adds a record, so there is one chain, whatever number of replicas write.
create table audit_head (
  is_only boolean primary key default true check (is_only),
  sequence bigint not null,
  hash bytea not null check (octet_length(hash) = 32)
);
insert into audit_head (sequence, hash) values (0, decode(repeat('00', 32), 'hex'));

-- Against mistakes. Whoever owns the table can take the trigger away; then the hashes show what was done.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit records are only ever added';
end
$$;
create trigger audit_records_append_only before update or delete on audit_records
  for each row execute function refuse_audit_change();
create trigger audit_records_keep before truncate on audit_records
  for each statement execute function refuse_audit_change();
