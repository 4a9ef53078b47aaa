-- Writes that version {1} is the newest and clean, unless a row says otherwise. RowExclusive on the ledger.
insert into {table} (version, dirty) select {1}, {2} where not exists (select 1 from {table})
