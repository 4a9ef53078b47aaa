-- Returns each installed extension with the comment that it brings; AccessShare on catalogs.
select name::text, coalesce(comment, '')
from pg_available_extensions
where installed_version is not null
