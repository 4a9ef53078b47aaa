-- Returns those of the named roles that the server lacks; AccessShare on catalogs.
select name from unnest($1::text[]) name except select rolname::text from pg_roles order by 1
