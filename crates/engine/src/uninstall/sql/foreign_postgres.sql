-- Returns what is in our schema or hangs on our tables and is not ours, as the server describes
-- it; $1 are the names of our tables. AccessShare on catalogs.
with ours as (
    select c.oid, c.reltype
    from pg_class c
    where c.relnamespace = 'cofferdam'::regnamespace and c.relkind = 'r' and c.relname = any ($1::text[])
), made as (
    -- Keys come with a table, and so do its TOAST and the sequence of an identity column.
    select 'pg_constraint'::regclass as classid, oid from pg_constraint where conrelid in (select oid from ours)
    union all
    select 'pg_class'::regclass, conindid from pg_constraint
    where conrelid in (select oid from ours) and conindid <> 0
    union all
    select 'pg_class'::regclass, oid from ours
    union all
    select 'pg_class'::regclass, d.objid from pg_depend d
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
      and d.refobjid in (select oid from ours) and d.deptype = 'i'
    union all
    select 'pg_class'::regclass, x.indexrelid
    from pg_index x
    join pg_class t on t.reltoastrelid = x.indrelid
    where t.oid in (select oid from ours)
    union all
    select 'pg_attrdef'::regclass, oid from pg_attrdef where adrelid in (select oid from ours)
    union all
    select 'pg_trigger'::regclass, oid from pg_trigger 
    where tgrelid in (select oid from ours) and (tgisinternal or tgname = 'cofferdam_guard_truncate')
    union all
    select 'pg_type'::regclass, t.oid from pg_type t
    where t.oid in (select reltype from ours) or t.typelem in (select reltype from ours)
)
select distinct pg_describe_object(d.classid, d.objid, d.objsubid)
from pg_depend d
where ((d.refclassid = 'pg_namespace'::regclass and d.refobjid = 'cofferdam'::regnamespace)
       or (d.refclassid, d.refobjid) in (select classid, oid from made))
  and (d.classid, d.objid) not in (select classid, oid from made)
order by 1
