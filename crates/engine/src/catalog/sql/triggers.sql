-- every trigger that is no constraint's; AccessShare on system catalogs
select t.oid, t.tgrelid as relation, t.tgname::text as name, pg_get_triggerdef(t.oid) as definition,
       t.tgenabled::text as enabled, t.tgparentid <> 0 as inherited
from pg_trigger t
join pg_proc p on p.oid = t.tgfoid
join pg_namespace n on n.oid = p.pronamespace
where t.oid >= 16384 and not t.tgisinternal and n.nspname not in ('cofferdam', 'cofferdam_guard') and t.tgname !~ '^_cofferdam_'
