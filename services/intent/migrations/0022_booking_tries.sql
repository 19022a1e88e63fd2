-- Which try at a booking is made, or was: of those before it the Ledger has burnt the ids.
alter table discrepancies add column book_try smallint not null default 0 check (book_try between 0 and 255);
