-- Returns name and body of the guard's functions; AccessShare on catalogs.
select p.proname::text, p.prosrc
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname = 'cofferdam_guard'
