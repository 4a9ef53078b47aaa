-- every function, procedure and aggregate of the user; AccessShare on system catalogs
select p.oid, n.nspname::text as schema, p.proname::text as name, p.prokind::text as kind,
       pg_get_userbyid(p.proowner)::text as owner,
       oidvectortypes(p.proargtypes) as types,
       pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as result,
       l.lanname::text as language,
       case when a.aggfnoid is not null then
         concat_ws(', ', format('%s %s of %s direct arguments', a.aggkind, a.aggfinalmodify, a.aggnumdirectargs),
           'sfunc ' || a.aggtransfn, 'stype ' || format_type(a.aggtranstype, null), 'sspace ' || a.aggtransspace,
           'finalfunc ' || a.aggfinalfn || a.aggfinalextra, 'combinefunc ' || a.aggcombinefn,
           'serialfunc ' || a.aggserialfn, 'deserialfunc ' || a.aggdeserialfn, 'initcond ' || a.agginitval,
           'msfunc ' || a.aggmtransfn, 'minvfunc ' || a.aggminvtransfn,
           'mstype ' || format_type(nullif(a.aggmtranstype, 0), null), 'msspace ' || a.aggmtransspace,
           'mfinalfunc ' || a.aggmfinalfn || a.aggmfinalextra || a.aggmfinalmodify::text, 'minitcond ' || a.aggminitval,
           'sortop ' || nullif(a.aggsortop, 0)::regoperator)
         else coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) end as body,
       p.probin as library,
       case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
       case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end as parallel,
       p.proisstrict as strict, p.prosecdef as security_definer, p.proleakproof as leakproof,
       p.procost as cost, p.prorows as rows, p.proconfig as settings,
       case when p.prosupport <> 0 then p.prosupport::text end as support,
       case when a.aggfnoid is not null then
         format('create aggregate %I.%I (%s) (%s)', n.nspname, p.proname,
           coalesce(nullif(pg_get_function_identity_arguments(p.oid), ''), '*'),
           concat_ws(', ',
             'sfunc = ' || a.aggtransfn, 'stype = ' || format_type(a.aggtranstype, null),
             'sspace = ' || nullif(a.aggtransspace, 0),
             'finalfunc = ' || nullif(a.aggfinalfn::oid, 0)::regproc,
             case when a.aggfinalextra then 'finalfunc_extra' end,
             'finalfunc_modify = ' || case a.aggfinalmodify when 'r' then 'read_only' when 's' then 'shareable'
                                      when 'w' then 'read_write' end,
             'combinefunc = ' || nullif(a.aggcombinefn::oid, 0)::regproc,
             'serialfunc = ' || nullif(a.aggserialfn::oid, 0)::regproc,
             'deserialfunc = ' || nullif(a.aggdeserialfn::oid, 0)::regproc,
             'initcond = ' || quote_literal(a.agginitval),
             'msfunc = ' || nullif(a.aggmtransfn::oid, 0)::regproc,
             'minvfunc = ' || nullif(a.aggminvtransfn::oid, 0)::regproc,
             'mstype = ' || format_type(nullif(a.aggmtranstype, 0), null),
             'msspace = ' || nullif(a.aggmtransspace, 0),
             'mfinalfunc = ' || nullif(a.aggmfinalfn::oid, 0)::regproc,
             case when a.aggmfinalextra then 'mfinalfunc_extra' end,
             'mfinalfunc_modify = ' || case when a.aggmfinalfn::oid <> 0 then
               case a.aggmfinalmodify when 'r' then 'read_only' when 's' then 'shareable' else 'read_write' end end,
             'minitcond = ' || quote_literal(a.aggminitval),
             (select format('sortop = operator(%I.%s)', sn.nspname, so.oprname)
              from pg_operator so join pg_namespace sn on sn.oid = so.oprnamespace where so.oid = a.aggsortop),
             'parallel = ' || case p.proparallel when 's' then 'safe' when 'r' then 'restricted' end,
             case when a.aggkind = 'h' then 'hypothetical' end)) end as create
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
left join pg_aggregate a on a.aggfnoid = p.oid
where p.oid >= 16384
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'cofferdam', 'cofferdam_guard')
  and p.proname !~ '^_cofferdam_'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i'))
