-- every event trigger that is not our own; AccessShare on system catalogs
select t.oid, t.evtname::text as name, t.evtevent::text as event, t.evttags as tags,
       t.evtfoid::regproc::text as function, t.evtenabled::text as enabled,
       pg_get_userbyid(t.evtowner)::text as owner
from pg_event_trigger t
join pg_proc p on p.oid = t.evtfoid
join pg_namespace n on n.oid = p.pronamespace
where n.nspname not in ('cofferdam', 'cofferdam_guard') and t.evtname !~ '^_?cofferdam'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_event_trigger'::regclass and d.objid = t.oid and d.deptype = 'e')
