-- Returns whether the index of that name on that table is valid; AccessShare on catalogs.
select x.indisvalid and x.indisready
from pg_index x
join pg_class i on i.oid = x.indexrelid
where x.indrelid = to_regclass($1) and i.relname = $2
