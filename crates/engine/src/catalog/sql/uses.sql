-- every edge from an object to what it cannot do without; AccessShare on system catalogs
select coalesce(v.class, d.classid) as class, coalesce(v.object, d.objid) as object,
       coalesce(v.part, d.objsubid) as part,
       d.refclassid as used_class, d.refobjid as used_object, d.refobjsubid as used_part
from pg_depend d
left join lateral (
  select 'pg_class'::regclass::oid as class, r.ev_class as object, 0 as part from pg_rewrite r
  where d.classid = 'pg_rewrite'::regclass and r.oid = d.objid and r.rulename = '_RETURN'
  union all
  select 'pg_class'::regclass, f.adrelid, f.adnum from pg_attrdef f
  where d.classid = 'pg_attrdef'::regclass and f.oid = d.objid
) v on true
where d.deptype in ('n', 'a') and d.objid >= 16384 and d.refobjid >= 16384
