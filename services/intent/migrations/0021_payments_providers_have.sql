alter table intents
  -- When the provider was first known to have the payment: it accepted it, or said what became of it, under whatever amount.
  -- From then on it is neither submitted again nor given up because the provider says that it does not know it.
  add column provider_accept_time timestamptz;

-- Of what was accepted before without a reference nothing was kept.
update intents i set provider_accept_time = now()
where state = 'AUTHORIZED' and provider_ask_time is not null
  and (provider_reference is not null
    or exists (select from provider_events e where e.provider = i.provider and e.transfer_id = i.id::text));

-- provider_submit_time is the last time when somebody took a payment in hand to submit it, also anew; of one that was first asked
-- about, the time when its provider was to be asked.
comment on column intents.provider_submit_time is 'when a submission last began, or may have';
