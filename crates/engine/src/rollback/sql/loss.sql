-- Returns a table's name, quoted and plain, and whether row security hides rows of it from us;
-- nothing when the table, or the column asked for, is not there. AccessShare on catalogs.
select c.oid::regclass::text, n.nspname || '.' || c.relname, row_security_active(c.oid)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.oid = to_regclass($1)
  and ($2::text is null
       or exists (select from pg_attribute a
                  where a.attrelid = c.oid and a.attname = $2 and not a.attisdropped))
