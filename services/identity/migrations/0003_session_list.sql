-- What the list of a user's sessions shows.
alter table sessions add column refresh_time timestamptz;
