-- Returns schema, name and columns of the tables named in $1, the session's own schemas first, and then one more row, without columns, if there is any table of a user at all. Tables of extensions and ours do not count. AccessShare on catalogs.
with named as (
    select n.nspname::text as schema, c.relname::text as name,
           array(select a.attname::text from pg_attribute a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relname = any ($1)
      and c.relkind in ('r', 'p', 'f')
      and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema', 'cofferdam', 'cofferdam_guard')
      and n.nspname !~ '^pg_(toast|temp)'
      and not exists (select from pg_depend d
                      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
), one as (
    select n.nspname::text as schema, c.relname::text as name
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f')
      and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema', 'cofferdam', 'cofferdam_guard')
      and n.nspname !~ '^pg_(toast|temp)'
      and not exists (select from pg_depend d
                      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    limit 1
), found as (
    select schema, name, columns from named
    union all
    select schema, name, null from one
)
select schema, name, columns
from found
order by columns is null, array_position(current_schemas(false), schema::name) nulls last, schema, name
