-- Returns the role that owns the ledger, unless it is this one; AccessShare on catalogs.
select pg_get_userbyid(relowner)::text
from pg_class
where oid = 'cofferdam.lease'::regclass and pg_get_userbyid(relowner) <> current_user
