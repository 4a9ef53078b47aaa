-- every row-level security policy; AccessShare on system catalogs
select p.oid, p.polrelid as relation, p.polname::text as name,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                     when 'd' then 'delete' else 'all' end as command,
       p.polpermissive as permissive,
       (select array_agg(case when u.role = 0 then 'public' else pg_get_userbyid(u.role)::text end)
        from unnest(p.polroles) u (role)) as roles,
       pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check
from pg_policy p
where p.oid >= 16384 and p.polname !~ '^_cofferdam_'
