-- Returns the version at which golang-migrate stands and whether it is dirty (1 or 0).
select cast(version as text), cast(dirty as text) from {table} order by version
