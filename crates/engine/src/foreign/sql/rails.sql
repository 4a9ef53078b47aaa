-- Returns the versions that Active Record counts as applied, in their order.
select version, cast(null as text), cast(null as text) from {table} order by version
