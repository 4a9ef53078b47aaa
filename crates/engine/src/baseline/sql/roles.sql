-- Returns the names of all roles that the server did not bring; AccessShare on catalogs.
select rolname::text from pg_roles where rolname !~ '^pg_' order by 1
