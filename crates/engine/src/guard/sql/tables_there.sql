-- Returns the names of the guard's own tables that stand; AccessShare on catalogs.
select c.relname::text
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'cofferdam_guard' and c.relkind = 'r'
