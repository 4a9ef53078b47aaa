-- Returns the owner of the guard's schema, if its state stands there; AccessShare on catalogs.
select pg_get_userbyid(n.nspowner)::text
from pg_namespace n
join pg_class c on c.relnamespace = n.oid and c.relname = 'state'
where n.nspname = 'cofferdam_guard'
