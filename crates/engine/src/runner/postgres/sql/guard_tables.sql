-- Returns schema and name of every permanent table of the user and of the ledger, whether the guard's
-- truncate trigger stands on it, enabled or at all, and whether it is the ledger's; AccessShare on catalogs.
select n.nspname::text, c.relname::text,
       exists (select from pg_trigger t
               where t.tgrelid = c.oid and t.tgname = 'cofferdam_guard_truncate' and t.tgenabled in ('O', 'A')),
       exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'cofferdam_guard_truncate'),
       n.nspname = 'cofferdam'
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema', 'cofferdam_guard')
  and n.nspname !~ '^pg_(toast|temp)'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by n.nspname, c.relname
