-- Returns the versions that dbmate applied, in its order. AccessShare on the ledger.
select version::text from {table} order by version::text collate "C"
