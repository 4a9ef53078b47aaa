-- Returns the revision of each head.
select version_num, cast(null as text), cast(null as text) from {table} order by version_num
