-- Returns version and whether it is applied (1 or 0) of goose's rows, the oldest first.
select cast(version_id as text), cast(is_applied as text) from {table} order by id
