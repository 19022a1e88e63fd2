-- Bookings from suspense: how much and when, so that they are made once, and can be compared with what the Ledger has.
alter table discrepancies
  -- What is booked, written before the Ledger is asked and never changed: amount_minor is what the provider last said.
  add column book_minor bigint check (book_minor > 0),
  -- When the Ledger was known to have it.
  add column book_time timestamptz,
  -- What a provider paid of another amount may be booked too.
  drop constraint discrepancies_booking,
  add constraint discrepancies_booking check (
    case kind when 'LATE_SUCCESS' then booking is not null when 'AMOUNT_MISMATCH' then true else booking is null end
  );

-- A late success is of the amount that was asked for, so what may have been booked already is what the provider last said.
update discrepancies set book_minor = amount_minor where booking in ('DUE', 'BOOKED');
-- When a booking was written down, it was given this time plus a second.
update discrepancies set book_time = book_after - interval '1 second' where booking = 'BOOKED';

alter table discrepancies
  add constraint discrepancies_booked check (booking is distinct from 'BOOKED' or num_nonnulls(book_minor, book_time) = 2);
-- A payment is booked once, whatever its provider says of it: all its bookings would be one transfer in the Ledger.
create unique index discrepancies_one_booking on discrepancies (intent_id) where book_minor is not null;
-- What was booked at some moment of a period, or may have been.
create index discrepancies_by_booking on discrepancies (book_time) where book_minor is not null;
