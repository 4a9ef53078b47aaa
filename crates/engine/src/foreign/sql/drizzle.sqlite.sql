-- Returns created_at, hash, name and whether there is such a column (1 or 0) of Drizzle's rows, by their times.
-- The column is there from 1.0 on; where it is not, the inner query finds the outer one's, which is no name.
-- The id is null in every row of 0.x, so it gives no order.
select cast(cast(t.created_at as integer) as text), t.hash,
       nullif((select name from {table} as own where own.rowid = t.rowid), 0),
       cast((select name from {table} as own where own.rowid = t.rowid) is not 0 as text)
from {table} as t, (select 0 as name) as without
order by t.created_at, t.rowid
