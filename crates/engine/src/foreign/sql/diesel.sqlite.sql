-- Returns the versions that diesel applied, in the order in which they ran.
select version from {table} order by run_on, version
