-- Returns whether a guard stands, whether this role may write permits, and who may; AccessShare on catalogs.
select c.oid is not null,
       coalesce(has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'insert, delete'), false),
       coalesce(pg_get_userbyid(c.relowner)::text, '')
from (select 1) one
left join pg_namespace n on n.nspname = 'cofferdam_guard'
left join pg_class c on c.relnamespace = n.oid and c.relname = 'permit'
