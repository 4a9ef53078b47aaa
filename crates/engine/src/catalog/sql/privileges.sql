-- every object whose privileges were changed, as granted and as they would be by default;
-- AccessShare on system catalogs
select o.class, o.object, o.part,
       (select coalesce(array_agg(a.privilege_type || case when a.is_grantable then '* ' else ' ' end
                                  || case when a.grantee = 0 then 'public' when a.grantee = o.owner then 'owner'
                                          else 'role ' || pg_get_userbyid(a.grantee)::text end), '{}')
        from aclexplode(o.acl) a) as granted,
       (select coalesce(array_agg(a.privilege_type || ' '
                                  || case when a.grantee = 0 then 'public' else 'owner' end), '{}')
        from aclexplode(acldefault(o.kind, o.owner)) a) as defaults
from (
  select 'pg_class'::regclass::oid as class, oid as object, 0 as part, relowner as owner, relacl as acl,
         (case relkind when 'S' then 's' else 'r' end)::"char" as kind
  from pg_class where relacl is not null and oid >= 16384
  union all
  select 'pg_class'::regclass, a.attrelid, a.attnum, c.relowner, a.attacl, 'c'
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  where a.attacl is not null and a.attrelid >= 16384 and not a.attisdropped
  union all
  select 'pg_namespace'::regclass, oid, 0, nspowner, nspacl, 'n' from pg_namespace where nspacl is not null
  union all
  select 'pg_proc'::regclass, oid, 0, proowner, proacl, 'f' from pg_proc where proacl is not null and oid >= 16384
  union all
  select 'pg_type'::regclass, oid, 0, typowner, typacl, 'T' from pg_type where typacl is not null and oid >= 16384
  union all
  select 'pg_language'::regclass, oid, 0, lanowner, lanacl, 'l' from pg_language
  where lanacl is not null and oid >= 16384
  union all
  select 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwowner, fdwacl, 'F' from pg_foreign_data_wrapper
  where fdwacl is not null
  union all
  select 'pg_foreign_server'::regclass, oid, 0, srvowner, srvacl, 'S' from pg_foreign_server
  where srvacl is not null
) o
