-- Returns the versions that diesel applied, in the order in which they ran. AccessShare on the ledger.
select version::text from {table} order by run_on, version::text collate "C"
