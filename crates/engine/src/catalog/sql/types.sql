-- every enum, domain, range, base and shell type of the user; composite types stand with the relations;
-- AccessShare on system catalogs
select t.oid, t.typarray as array_type, n.nspname::text as schema, t.typname::text as name, t.typtype::text as kind,
       pg_get_userbyid(t.typowner)::text as owner,
       (select array_agg(e.enumlabel::text order by e.enumsortorder)
        from pg_enum e where e.enumtypid = t.oid) as labels,
       case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base,
       t.typnotnull as not_null,
       case when t.typtype = 'd' then coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) end as expression,
       case when t.typcollation <> b.typcollation
            then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end as collation,
       case t.typtype
         when 'r' then (
           select concat_ws(', ', 'subtype ' || format_type(r.rngsubtype, null),
             'subtype_opclass ' || on_.nspname || '.' || o.opcname,
             'collation ' || nullif(r.rngcollation, 0)::regcollation,
             'canonical ' || nullif(r.rngcanonical::oid, 0)::regprocedure,
             'subtype_diff ' || nullif(r.rngsubdiff::oid, 0)::regprocedure,
             'multirange_type_name ' || format_type(r.rngmultitypid, null))
           from pg_range r join pg_opclass o on o.oid = r.rngsubopc join pg_namespace on_ on on_.oid = o.opcnamespace
           where r.rngtypid = t.oid)
         when 'b' then concat_ws(', ', 'input ' || t.typinput, 'output ' || t.typoutput,
             'receive ' || nullif(t.typreceive::oid, 0)::regproc, 'send ' || nullif(t.typsend::oid, 0)::regproc,
             'typmod_in ' || nullif(t.typmodin::oid, 0)::regproc, 'typmod_out ' || nullif(t.typmodout::oid, 0)::regproc,
             'internallength ' || t.typlen, case when t.typbyval then 'passedbyvalue' end,
             'alignment ' || t.typalign::text, 'storage ' || t.typstorage::text, 'category ' || t.typcategory::text,
             case when t.typispreferred then 'preferred' end, 'default ' || t.typdefault,
             'element ' || format_type(nullif(t.typelem, 0), null), 'delimiter ' || t.typdelim::text)
         when 'p' then 'shell'
       end as definition,
       case t.typtype
         when 'r' then (
           select format('create type %I.%I as range (%s)', n.nspname, t.typname, concat_ws(', ',
             'subtype = ' || format_type(r.rngsubtype, null),
             format('subtype_opclass = %I.%I', on_.nspname, o.opcname),
             'collation = ' || nullif(r.rngcollation, 0)::regcollation,
             'canonical = ' || nullif(r.rngcanonical::oid, 0)::regproc,
             'subtype_diff = ' || nullif(r.rngsubdiff::oid, 0)::regproc,
             'multirange_type_name = ' || format_type(r.rngmultitypid, null)))
           from pg_range r join pg_opclass o on o.oid = r.rngsubopc join pg_namespace on_ on on_.oid = o.opcnamespace
           where r.rngtypid = t.oid)
         when 'p' then format('create type %I.%I', n.nspname, t.typname)
       end as create
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_type b on b.oid = t.typbasetype
left join pg_collation co on co.oid = t.typcollation and t.typcollation <> b.typcollation
left join pg_namespace cn on cn.oid = co.collnamespace
where t.oid >= 16384 and t.typtype in ('e', 'd', 'r', 'b', 'p')
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'cofferdam', 'cofferdam_guard')
  and t.typname !~ '^_cofferdam_'
  and not exists (select from pg_type e where e.typarray = t.oid)
  and not exists (select from pg_depend d
                  where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
