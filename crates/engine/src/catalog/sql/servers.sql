-- every foreign server and foreign-data wrapper that no extension brought; AccessShare on system catalogs
select 'pg_foreign_server'::regclass::oid as class, s.oid, s.srvname::text as name,
       concat_ws(', ', 'wrapper ' || w.fdwname, 'type ' || s.srvtype, 'version ' || s.srvversion) as definition,
       concat_ws(' ', format('create server %I', s.srvname), 'type ' || quote_literal(s.srvtype),
                 'version ' || quote_literal(s.srvversion), format('foreign data wrapper %I', w.fdwname)) as create,
       s.srvoptions as options, pg_get_userbyid(s.srvowner)::text as owner
from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw
where not exists (select from pg_depend d
                  where d.classid = 'pg_foreign_server'::regclass and d.objid = s.oid and d.deptype = 'e')
union all
select 'pg_foreign_data_wrapper'::regclass, w.oid, w.fdwname::text,
       concat_ws(', ', 'handler ' || nullif(w.fdwhandler, 0)::regproc,
                 'validator ' || nullif(w.fdwvalidator, 0)::regproc),
       concat_ws(' ', format('create foreign data wrapper %I', w.fdwname),
                 'handler ' || nullif(w.fdwhandler, 0)::regproc,
                 'validator ' || nullif(w.fdwvalidator, 0)::regproc),
       w.fdwoptions, pg_get_userbyid(w.fdwowner)::text
from pg_foreign_data_wrapper w
where not exists (select from pg_depend d
                  where d.classid = 'pg_foreign_data_wrapper'::regclass and d.objid = w.oid and d.deptype = 'e')
