-- Payments to somebody outside, through a provider.
alter table intents
  -- Of a payee outside: the bank account, the merchant or the account at a provider. Parsed once, when it was asked for.
  add column payee_external jsonb,
  -- Who carries the payment out; null when the Ledger alone does. Copied from the channel, which may change its provider.
  add column provider text,
  -- When this service first made up its mind to ask the provider, written before it does: from then on the provider may
  -- have the payment, whatever else is known.
  add column provider_ask_time timestamptz,
  -- The provider's own name for the payment; null until it has given one.
  add column provider_reference text,
  drop constraint intents_payee,
  add constraint intents_payee check (num_nonnulls(payee_wallet, payee_account, payee_external) = 1),
  -- What a provider has is held meanwhile.
  add constraint intents_provider check (provider is null or hold_seconds is not null),
  add constraint intents_provider_ask check (provider is not null or provider_ask_time is null);
