-- every table, view, materialized view, foreign table and composite type of the user;
-- AccessShare on system catalogs and, while a view is printed, on the tables it reads
select c.oid, c.reltype as row_type, rt.typarray as array_type, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind,
       pg_get_userbyid(c.relowner)::text as owner,
       c.relpersistence = 'u' as unlogged, c.relrowsecurity as row_security,
       c.relforcerowsecurity as force_row_security, c.relreplident::text as replica_identity,
       c.reloptions as options, t.reloptions as toast_options,
       c.reltuples::float8 as rows, c.relpages::int8 as pages,
       s.spcname::text as tablespace, nullif(a.amname::text, 'heap') as access_method,
       c.relispopulated as populated,
       case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
       pg_get_expr(c.relpartbound, c.oid) as partition_bound,
       case when c.reloftype <> 0 then format_type(c.reloftype, null) end as of_type,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
       fs.srvname::text as server, ft.ftoptions as server_options,
       (select array_agg(i.inhparent order by i.inhseqno)
        from pg_inherits i where i.inhrelid = c.oid) as parents
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_type rt on rt.oid = c.reltype
left join pg_class t on t.oid = c.reltoastrelid
left join pg_tablespace s on s.oid = c.reltablespace
left join pg_am a on a.oid = c.relam and c.relkind in ('r', 'p', 'm')
left join pg_foreign_table ft on ft.ftrelid = c.oid
left join pg_foreign_server fs on fs.oid = ft.ftserver
where c.relkind in ('r', 'p', 'f', 'v', 'm', 'c') and c.oid >= 16384 and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'cofferdam', 'cofferdam_guard')
  and c.relname !~ '^_cofferdam_'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
                    and d.deptype = 'e')
