-- Returns the tables that the role $1 may truncate; AccessShare on catalogs.
select c.oid
from pg_class c
join pg_roles r on r.rolname = $1
where c.relkind in ('r', 'p') and c.oid >= 16384 and has_table_privilege(r.oid, c.oid, 'truncate')
