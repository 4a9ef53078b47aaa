-- Returns the version at which golang-migrate stands and whether it is dirty (1 or 0). AccessShare on the ledger.
select version::text, dirty::int::text from {table} order by version
