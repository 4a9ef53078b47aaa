-- Returns the versions that dbmate applied, in its order.
select cast(version as text) from {table} order by 1
