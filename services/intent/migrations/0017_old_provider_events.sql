-- Finds what is old. Rows come in the order of time, so that a few pages of index do for a table of any size.
create index provider_events_old on provider_events using brin (receive_time);
