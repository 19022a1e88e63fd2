-- What waits for a provider is found by that provider's own loop, in the processes that have it. Kept apart from all else that
-- is unfinished: nobody reads over the payments of a provider that hangs, or that no process has.
drop index intents_with_provider;
create index intents_with_provider on intents (provider, resume_after)
  where state = 'AUTHORIZED' and provider is not null and capture_minor is null and release_kind is null;

drop index intents_unfinished;
create index intents_unfinished on intents (resume_after)
  where state in ('VALIDATED', 'AUTHORIZED')
    and not (state = 'AUTHORIZED' and provider is not null and capture_minor is null and release_kind is null);
