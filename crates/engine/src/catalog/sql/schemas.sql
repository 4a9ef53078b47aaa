-- every schema of the user; AccessShare on system catalogs
select n.oid, n.nspname::text as name, pg_get_userbyid(n.nspowner)::text as owner
from pg_namespace n
where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'cofferdam', 'cofferdam_guard')
  and not exists (select from pg_depend d
                  where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')
