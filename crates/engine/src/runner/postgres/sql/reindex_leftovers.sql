-- Returns the invalid indexes that an interrupted REINDEX CONCURRENTLY left, quoted; AccessShare on catalogs.
select i.oid::regclass::text
from pg_index x
join pg_class i on i.oid = x.indexrelid
where not x.indisvalid and i.relname ~ '_cc(new|old)[0-9]*$'
