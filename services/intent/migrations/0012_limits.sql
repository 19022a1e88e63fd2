-- Limits over time: what an intent's chain debits for them, and the limit that refused it.

alter table intents
  -- Of each limit of the decision, in its order: the accounts in the Ledger, their ledger and code. Null when there is no
  -- limit. Written again, together with a new attempt, when a cap was changed and its window got another account.
  add column limit_accounts jsonb,
  -- With the failure LIMIT_EXCEEDED: the limit, its cap, what of it was used, and when its window ends.
  add column failure_limit jsonb check (failure_limit is null or failure_reason is not null);
