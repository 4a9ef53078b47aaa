-- every sequence with what it counts and whose it is; AccessShare on system catalogs
select c.oid, n.nspname::text as schema, c.relname::text as name, pg_get_userbyid(c.relowner)::text as owner,
       c.relpersistence = 'u' as unlogged, format_type(s.seqtypid, null) as type,
       s.seqstart as start, s.seqmin as min, s.seqmax as max, s.seqincrement as increment,
       s.seqcache as cache, s.seqcycle as cycle,
       d.refobjid as relation, d.refobjsubid as number, coalesce(d.deptype = 'i', false) as identity
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
                     and d.refclassid = 'pg_class'::regclass and d.refobjsubid <> 0 and d.deptype in ('a', 'i')
where c.oid >= 16384 and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'cofferdam', 'cofferdam_guard')
  and c.relname !~ '^_cofferdam_'
  and not exists (select from pg_depend e
                  where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
