-- What filters look for, each with the timestamps in which answers come: a page costs what it holds, not what lies
-- around it. Zero asks for nothing in a filter, so rows that carry none of a field are in no index of it and pay nothing
-- for it. No index holds what a later batch changes.
create index transfers_ledger on transfers (ledger, timestamp);
create index transfers_code on transfers (code, timestamp);
create index transfers_user_data_128 on transfers (user_data_128, timestamp) where user_data_128 is not null;
create index transfers_user_data_64 on transfers (user_data_64, timestamp) where user_data_64 <> 0;
create index transfers_user_data_32 on transfers (user_data_32, timestamp) where user_data_32 <> 0;

create index accounts_ledger on accounts (ledger, timestamp);
create index accounts_code on accounts (code, timestamp);
create index accounts_user_data_128 on accounts (user_data_128, timestamp) where user_data_128 is not null;
create index accounts_user_data_64 on accounts (user_data_64, timestamp) where user_data_64 <> 0;
create index accounts_user_data_32 on accounts (user_data_32, timestamp) where user_data_32 <> 0;
