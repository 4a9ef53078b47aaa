-- Returns version and whether it is applied (1 or 0) of goose's rows, the oldest first. AccessShare on the ledger.
select version_id::text, is_applied::int::text from {table} order by id
