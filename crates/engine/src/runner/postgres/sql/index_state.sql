-- Returns whether the index of that name (cut to 63 bytes, as in a statement) on that table
-- is valid; AccessShare on catalogs.
select x.indisvalid and x.indisready
from pg_index x
join pg_class i on i.oid = x.indexrelid
where x.indrelid = to_regclass($1) and i.relname = $2::text::name
