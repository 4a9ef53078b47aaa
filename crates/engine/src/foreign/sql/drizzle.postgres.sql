-- Returns created_at, hash, name and whether there is such a column (1 or 0) of Drizzle's rows, by their times.
-- The column is there from 1.0 on; through jsonb its absence is no error.
select created_at::text, hash, to_jsonb(t) ->> 'name', (to_jsonb(t) ? 'name')::int::text
from {table} t order by created_at, id
