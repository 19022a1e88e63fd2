-- Who reviewed a payment is in the audit record of the call that did.
alter table intents drop column reviewer;
