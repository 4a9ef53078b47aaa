-- Returns what the user's objects are, whose they are, whether this role may give them away, who was
-- granted what (`PRIVILEGE|grantable|grantee`), and which rights the role $1 (none when empty) has,
-- and whether it may drop them; AccessShare on catalogs.
with extension_made as (
    select classid, objid from pg_depend where deptype = 'e'
), space as (
    select n.*
    from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'cofferdam', 'cofferdam_guard')
      and ('pg_namespace'::regclass, n.oid) not in (select classid, objid from extension_made)
), object as (
    select 0 as rank, 'database' as kind, 'database' as class, d.oid, format('%I', d.datname) as name,
           d.datdba as owner, coalesce(d.datacl, acldefault('d', d.datdba)) as acl,
           array['CONNECT', 'TEMPORARY'] as wanted
    from pg_database d
    where d.datname = current_database()
    union all
    select 1, 'schema', 'schema', oid, format('%I', nspname), nspowner, coalesce(nspacl, acldefault('n', nspowner)),
           array['USAGE']
    from space
    union all
    select 2, case t.typtype when 'd' then 'domain' else 'type' end, 'type', t.oid,
           format('%I.%I', s.nspname, t.typname), t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)),
           array['USAGE']
    from pg_type t
    join space s on s.oid = t.typnamespace
    where (t.typtype in ('d', 'e', 'r')
           or (t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')))
      and ('pg_type'::regclass, t.oid) not in (select classid, objid from extension_made)
    union all
    select 3, case p.prokind when 'a' then 'aggregate' else 'routine' end, 'routine', p.oid,
           format('%I.%I(%s)', s.nspname, p.proname,
                  case when p.prokind = 'a' and p.pronargs = 0 then '*' else pg_get_function_identity_arguments(p.oid) end),
           p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), array['EXECUTE']
    from pg_proc p
    join space s on s.oid = p.pronamespace
    -- One that acts with its owner's rights would act with others: it stays whose it is.
    where not p.prosecdef and ('pg_proc'::regclass, p.oid) not in (select classid, objid from extension_made)
    union all
    select case c.relkind when 'S' then 5 else 4 end,
           case c.relkind when 'r' then 'table' when 'p' then 'table' when 'f' then 'foreign table' when 'v' then 'view'
                          when 'm' then 'materialized view'
                          else case when exists (select from pg_depend d
                                                 where d.classid = 'pg_class'::regclass and d.objid = c.oid
                                                   and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))
                                    then 'owned sequence' else 'sequence' end end,
           case c.relkind when 'S' then 'sequence' else 'table' end,
           c.oid, format('%I.%I', s.nspname, c.relname), c.relowner,
           coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)),
           case c.relkind when 'S' then array['USAGE', 'SELECT', 'UPDATE'] when 'm' then array['SELECT']
                          else array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] end
    from pg_class c
    join space s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and c.relpersistence <> 't'
      and ('pg_class'::regclass, c.oid) not in (select classid, objid from extension_made)
)
select o.kind, o.class, o.oid, o.name, pg_get_userbyid(o.owner)::text, pg_has_role(o.owner, 'usage'),
       array(select a.privilege_type || '|' || a.is_grantable || '|'
                    || case when a.grantee = o.owner then 'owner' when a.grantee = 0 then 'public'
                            else 'role ' || pg_get_userbyid(a.grantee) end
             from aclexplode(o.acl) a order by 1) as acl,
       array(select w from unnest(o.wanted) w
             where exists (select from pg_roles r
                           where r.rolname = $1
                             and (pg_has_role(r.oid, o.owner, 'usage')
                                  or exists (select from aclexplode(o.acl) a
                                             where a.privilege_type = w
                                               and (a.grantee = 0 or pg_has_role(r.oid, a.grantee, 'usage')))))) as rights,
       exists (select from pg_roles r where r.rolname = $1 and pg_has_role(r.oid, o.owner, 'usage')) as droppable
from object o
order by o.rank, o.oid
