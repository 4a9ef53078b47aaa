-- Returns the invalid indexes that an interrupted REINDEX CONCURRENTLY of that index, table or
-- schema (of the database, when null) left, quoted; AccessShare on catalogs.
select i.oid::regclass::text
from pg_index x
join pg_class i on i.oid = x.indexrelid
where not x.indisvalid and i.relname ~ '_cc(new|old)[0-9]*$'
  and ($1::text is null
       or x.indrelid = to_regclass($1)
       or x.indrelid in (select o.indrelid from pg_index o where o.indexrelid = to_regclass($1))
       or i.relnamespace = to_regnamespace($1))
