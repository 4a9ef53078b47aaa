-- every collation, operator, operator class and family, cast, text search object, conversion, language and
-- extended statistics of the user, each with a text that says all there is; AccessShare on system catalogs
with found as (
  select 'collation' as kind, 'pg_collation'::regclass::oid as class, oid, collnamespace as namespace,
         collname::text as name, null::text as part, collowner as owner,
         -- The locale's column is named otherwise before Postgres 17.
         jsonb_strip_nulls(to_jsonb(c) - '{oid,collname,collnamespace,collowner,collversion,colliculocale}'::text[]
           || jsonb_build_object('colllocale', coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale')))::text
           as definition,
         array[format('create collation %s (%s)', c.oid::regcollation, concat_ws(', ',
           'provider = ' || case c.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end,
           'locale = ' || quote_literal(coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale')),
           'lc_collate = ' || quote_literal(to_jsonb(c) ->> 'collcollate'),
           'lc_ctype = ' || quote_literal(to_jsonb(c) ->> 'collctype'),
           case when not c.collisdeterministic then 'deterministic = false' end,
           'rules = ' || quote_literal(to_jsonb(c) ->> 'collicurules')))] as create
  from pg_collation c
  union all
  select 'operator', 'pg_operator'::regclass, oid, oprnamespace, oprname::text,
         case when oprleft = 0 then 'none' else format_type(oprleft, null) end || ', ' || format_type(oprright, null),
         oprowner,
         concat_ws(', ', 'function ' || nullif(oprcode::oid, 0)::regprocedure,
           'commutator ' || nullif(oprcom, 0)::regoperator, 'negator ' || nullif(oprnegate, 0)::regoperator,
           'restrict ' || nullif(oprrest::oid, 0)::regproc, 'join ' || nullif(oprjoin::oid, 0)::regproc,
           case when oprcanhash then 'hashes' end, case when oprcanmerge then 'merges' end),
         array[format('create operator %s.%s (%s)', oprnamespace::regnamespace, oprname, concat_ws(', ',
           'function = ' || oprcode, 'leftarg = ' || format_type(nullif(oprleft, 0), null),
           'rightarg = ' || format_type(oprright, null),
           (select format('commutator = operator(%I.%s)', n.nspname, c.oprname)
            from pg_operator c join pg_namespace n on n.oid = c.oprnamespace where c.oid = o.oprcom),
           (select format('negator = operator(%I.%s)', n.nspname, c.oprname)
            from pg_operator c join pg_namespace n on n.oid = c.oprnamespace where c.oid = o.oprnegate),
           'restrict = ' || nullif(oprrest::oid, 0)::regproc, 'join = ' || nullif(oprjoin::oid, 0)::regproc,
           case when oprcanhash then 'hashes' end, case when oprcanmerge then 'merges' end))]
  from pg_operator o where oprcode <> 0
  union all
  select 'operator-family', 'pg_opfamily'::regclass, f.oid, f.opfnamespace, f.opfname::text, 'using ' || m.amname,
         f.opfowner,
         concat_ws(', ',
           (select string_agg(format('operator %s %s%s', o.amopstrategy, o.amopopr::regoperator,
              case when o.amopsortfamily <> 0 then ' order by ' || sf.opfname end), ', '
              order by o.amopstrategy, o.amopopr::regoperator::text)
            from pg_amop o left join pg_opfamily sf on sf.oid = o.amopsortfamily where o.amopfamily = f.oid),
           (select string_agg(format('function %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null),
              format_type(p.amprocrighttype, null), p.amproc::regprocedure), ', '
              order by p.amprocnum, p.amproc::regprocedure::text)
            from pg_amproc p where p.amprocfamily = f.oid)),
         -- What belongs to a class comes with the class.
         array_remove(array[format('create operator family %s.%I using %I', f.opfnamespace::regnamespace, f.opfname, m.amname),
           (select format('alter operator family %s.%I using %I add ', f.opfnamespace::regnamespace, f.opfname, m.amname)
                   || string_agg(x.member, ', ' order by x.member)
            from (select format('operator %s %s', o.amopstrategy, o.amopopr::regoperator)
                         || coalesce(' for order by ' || (select format('%I.%I', sn.nspname, sf.opfname) from pg_opfamily sf
                              join pg_namespace sn on sn.oid = sf.opfnamespace where sf.oid = o.amopsortfamily), '')
                  from pg_amop o where o.amopfamily = f.oid and not exists (
                    select from pg_depend d where d.classid = 'pg_amop'::regclass and d.objid = o.oid
                    and d.refclassid = 'pg_opclass'::regclass)
                  union all
                  select format('function %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null),
                                format_type(p.amprocrighttype, null), p.amproc::regprocedure)
                  from pg_amproc p where p.amprocfamily = f.oid and not exists (
                    select from pg_depend d where d.classid = 'pg_amproc'::regclass and d.objid = p.oid
                    and d.refclassid = 'pg_opclass'::regclass)) x (member))], null)
  from pg_opfamily f join pg_am m on m.oid = f.opfmethod
  union all
  select 'operator-class', 'pg_opclass'::regclass, o.oid, o.opcnamespace, o.opcname::text, 'using ' || m.amname,
         o.opcowner,
         concat_ws(', ', case when o.opcdefault then 'default' end, 'for ' || format_type(o.opcintype, null),
           'family ' || fn.nspname || '.' || f.opfname, 'storage ' || format_type(nullif(o.opckeytype, 0), null)),
         array[format('create operator class %s.%I %sfor type %s using %I family %I.%I as %s',
           o.opcnamespace::regnamespace, o.opcname, case when o.opcdefault then 'default ' end,
           format_type(o.opcintype, null), m.amname, fn.nspname, f.opfname, concat_ws(', ',
             (select string_agg(format('operator %s %s', a.amopstrategy, a.amopopr::regoperator)
                || coalesce(' for order by ' || (select format('%I.%I', sn.nspname, sf.opfname) from pg_opfamily sf
                     join pg_namespace sn on sn.oid = sf.opfnamespace where sf.oid = a.amopsortfamily), ''),
                ', ' order by a.amopstrategy, a.amopopr::regoperator::text)
              from pg_amop a where exists (
                select from pg_depend d where d.classid = 'pg_amop'::regclass and d.objid = a.oid
                and d.refclassid = 'pg_opclass'::regclass and d.refobjid = o.oid)),
             (select string_agg(format('function %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null),
                format_type(p.amprocrighttype, null), p.amproc::regprocedure), ', '
                order by p.amprocnum, p.amproc::regprocedure::text)
              from pg_amproc p where exists (
                select from pg_depend d where d.classid = 'pg_amproc'::regclass and d.objid = p.oid
                and d.refclassid = 'pg_opclass'::regclass and d.refobjid = o.oid)),
             'storage ' || format_type(coalesce(nullif(o.opckeytype, 0), o.opcintype), null)))]
  from pg_opclass o join pg_am m on m.oid = o.opcmethod
  join pg_opfamily f on f.oid = o.opcfamily join pg_namespace fn on fn.oid = f.opfnamespace
  union all
  select 'cast', 'pg_cast'::regclass, oid, null, format_type(castsource, null) || ' as ' || format_type(casttarget, null),
         null, null,
         concat_ws(', ', case castmethod when 'f' then 'function ' || castfunc::regprocedure when 'i' then 'inout'
                                         else 'without function' end,
           case castcontext when 'a' then 'assignment' when 'i' then 'implicit' else 'explicit' end),
         array[concat_ws(' ', format('create cast (%s as %s)', format_type(castsource, null), format_type(casttarget, null)),
           case castmethod when 'f' then 'with function ' || castfunc::regprocedure when 'i' then 'with inout'
                           else 'without function' end,
           case castcontext when 'a' then 'as assignment' when 'i' then 'as implicit' end)]
  from pg_cast
  union all
  select 'dictionary', 'pg_ts_dict'::regclass, d.oid, d.dictnamespace, d.dictname::text, null, d.dictowner,
         concat_ws(', ', 'template ' || n.nspname || '.' || t.tmplname, d.dictinitoption),
         array[format('create text search dictionary %s (%s)', d.oid::regdictionary, concat_ws(', ',
           format('template = %I.%I', n.nspname, t.tmplname), d.dictinitoption))]
  from pg_ts_dict d join pg_ts_template t on t.oid = d.dicttemplate join pg_namespace n on n.oid = t.tmplnamespace
  union all
  select 'configuration', 'pg_ts_config'::regclass, c.oid, c.cfgnamespace, c.cfgname::text, null, c.cfgowner,
         concat_ws('; ', 'parser ' || n.nspname || '.' || p.prsname,
           (select string_agg(format('%s with %s', tt.alias, m.mapdict::regdictionary), ', '
                              order by m.maptokentype, m.mapseqno)
            from pg_ts_config_map m join ts_token_type(p.oid) tt on tt.tokid = m.maptokentype
            where m.mapcfg = c.oid)),
         array[format('create text search configuration %s (parser = %I.%I)', c.oid::regconfig, n.nspname, p.prsname)]
         || (select array_agg(format('alter text search configuration %s add mapping for %I with %s',
                                     c.oid::regconfig, x.alias, x.dictionaries) order by x.alias)
             from (select tt.alias, string_agg(m.mapdict::regdictionary::text, ', ' order by m.mapseqno) as dictionaries
                   from pg_ts_config_map m join ts_token_type(p.oid) tt on tt.tokid = m.maptokentype
                   where m.mapcfg = c.oid group by tt.alias) x)
  from pg_ts_config c join pg_ts_parser p on p.oid = c.cfgparser join pg_namespace n on n.oid = p.prsnamespace
  where c.oid >= 16384
  union all
  select 'conversion', 'pg_conversion'::regclass, oid, connamespace, conname::text, null, conowner,
         concat_ws(' ', case when condefault then 'default' end, 'for', pg_encoding_to_char(conforencoding), 'to',
           pg_encoding_to_char(contoencoding), 'from', conproc::regprocedure),
         array[format('create %sconversion %s.%I for %L to %L from %s', case when condefault then 'default ' end,
           connamespace::regnamespace, conname, pg_encoding_to_char(conforencoding), pg_encoding_to_char(contoencoding),
           conproc)]
  from pg_conversion
  union all
  select 'language', 'pg_language'::regclass, oid, null, lanname::text, null, lanowner,
         concat_ws(', ', case when lanpltrusted then 'trusted' end, 'handler ' || nullif(lanplcallfoid, 0)::regproc,
           'inline ' || nullif(laninline, 0)::regproc, 'validator ' || nullif(lanvalidator, 0)::regproc),
         array[concat_ws(' ', 'create', case when lanpltrusted then 'trusted' end, format('language %I', lanname),
           'handler ' || nullif(lanplcallfoid, 0)::regproc,
           'inline ' || nullif(laninline, 0)::regproc, 'validator ' || nullif(lanvalidator, 0)::regproc)]
  from pg_language
  union all
  select 'statistics', 'pg_statistic_ext'::regclass, oid, stxnamespace, stxname::text, null, stxowner,
         concat_ws(' target ', pg_get_statisticsobjdef(oid), nullif(stxstattarget::int4, -1)),
         array_remove(array[pg_get_statisticsobjdef(oid),
           format('alter statistics %s.%I set statistics ', stxnamespace::regnamespace, stxname)
             || nullif(stxstattarget::int4, -1)], null)
  from pg_statistic_ext
)
select f.kind, f.class, f.oid, n.nspname::text as schema, f.name, f.part,
       pg_get_userbyid(f.owner)::text as owner, f.definition, f.create
from found f left join pg_namespace n on n.oid = f.namespace
where f.oid >= 16384
  and (n.nspname is null or (n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'cofferdam', 'cofferdam_guard')))
  and f.name !~ '^_cofferdam_'
  and not exists (select from pg_depend d where d.classid = f.class and d.objid = f.oid and d.deptype in ('e', 'i'))
