-- Returns the names of the tables and materialized views of a schema; a child only when its
-- parent is elsewhere, since a parent's count has its children's rows. AccessShare on catalogs.
select c.relname::text
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relkind in ('r', 'p', 'm')
  and not exists (select from pg_inherits i
                  join pg_class parent on parent.oid = i.inhparent
                  where i.inhrelid = c.oid and parent.relnamespace = c.relnamespace)
order by 1
