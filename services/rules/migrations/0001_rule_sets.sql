-- Published rule sets. A version, once published, never changes and is never removed: every decision names its version
-- and must be re-evaluable for as long as the payment is remembered.
create table rule_sets (
  version bigint primary key check (version > 0),
  document jsonb not null,
  document_sha256 bytea not null check (octet_length(document_sha256) = 32),
  author text not null check (author <> ''),
  reason text not null check (reason <> ''),
  publish_time timestamptz not null default now()
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'a published rule set never changes';
end
$$;

create trigger rule_sets_are_immutable before update or delete or truncate on rule_sets
  for each statement execute function refuse_change();
