-- Returns the extensions that the role $1 may drop; AccessShare on catalogs.
select e.extname::text
from pg_extension e
join pg_roles r on r.rolname = $1
where pg_has_role(r.oid, e.extowner, 'usage')
order by 1
