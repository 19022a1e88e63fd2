-- When somebody first took a payment in hand to submit it: from then on its provider is asked what it knows before the
-- payment is submitted again.
alter table intents add column provider_submit_time timestamptz;
