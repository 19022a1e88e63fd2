-- Who somebody is, proven: cases, and their documents sealed under the user's data key. kyc-case.ts has the legal moves.

create table kyc_cases (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  request_id uuid not null,
  -- A keyed hash of what was handed in: the same request id with other content is refused.
  request_hash bytea not null check (octet_length(request_hash) = 32),
  level text not null check (level in ('BASIC', 'FULL')),
  state text not null check (state in ('SUBMITTED', 'IN_REVIEW', 'VERIFIED', 'REJECTED', 'EXPIRED')),
  submit_time timestamptz not null,
  -- When the provider is asked next, while SUBMITTED.
  check_time timestamptz not null,
  check_count integer not null default 0,
  finding text check (finding in ('CLEAR', 'SUSPECT', 'UNREADABLE', 'NOT_CHECKED')),
  provider_reference text not null default '',
  review_time timestamptz,
  reviewer text check (reviewer is distinct from 'users/' || user_id),
  reject_reason text,
  expire_time timestamptz,
  constraint kyc_cases_request_once unique (user_id, request_id),
  check ((state in ('SUBMITTED')) = (finding is null)),
  check ((state in ('SUBMITTED', 'IN_REVIEW')) = (reviewer is null)),
  check ((state = 'REJECTED') = (reject_reason is not null)),
  check ((state in ('VERIFIED', 'EXPIRED')) = (expire_time is not null))
);
create unique index kyc_cases_one_open on kyc_cases (user_id) where state in ('SUBMITTED', 'IN_REVIEW');
create index kyc_cases_by_user on kyc_cases (user_id, submit_time desc, id desc);
create index kyc_cases_to_check on kyc_cases (check_time) where state = 'SUBMITTED';
create index kyc_cases_verified on kyc_cases (expire_time) where state = 'VERIFIED';

create table kyc_documents (
  case_id uuid not null references kyc_cases (id) on delete cascade,
  kind text not null,
  digest bytea not null check (octet_length(digest) = 32),
  size_bytes integer not null check (size_bytes between 1 and 40000),
  sealed bytea not null,
  primary key (case_id, kind)
);
