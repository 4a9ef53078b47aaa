-- every ALTER DEFAULT PRIVILEGES in force; AccessShare on system catalogs
select d.oid, pg_get_userbyid(d.defaclrole)::text as role, n.nspname::text as schema,
       case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
                            when 'T' then 'types' when 'n' then 'schemas' else 'large objects' end as objects,
       (select coalesce(array_agg(a.privilege_type || case when a.is_grantable then '* ' else ' ' end
                                  || case when a.grantee = 0 then 'public' when a.grantee = d.defaclrole then 'owner'
                                          else 'role ' || pg_get_userbyid(a.grantee)::text end), '{}')
        from aclexplode(d.defaclacl) a) as granted
from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
where coalesce(n.nspname, '') not in ('cofferdam', 'cofferdam_guard')
  -- Those are the guard's: see docs/guard.md.
  and pg_get_userbyid(d.defaclrole) <> 'cofferdam_owner'
