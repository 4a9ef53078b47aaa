-- Returns schema and name of all user tables, without those of extensions and of ours, and the columns of those named in $1; the session's own schemas first. AccessShare on catalogs.
select n.nspname::text, c.relname::text,
       case when c.relname = any ($1) then
           array(select a.attname::text from pg_attribute a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
       end
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f')
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema', 'cofferdam')
  and n.nspname !~ '^pg_(toast|temp)'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by array_position(current_schemas(false), n.nspname) nulls last, n.nspname, c.relname
