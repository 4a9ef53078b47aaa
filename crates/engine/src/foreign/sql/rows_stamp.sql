-- Returns what changes whenever somebody writes a row of the table: how many there are, and by which transactions. AccessShare on the table.
select count(*), coalesce(sum(xmin::text::bigint), 0)::text from {table}
