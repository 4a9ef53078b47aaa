-- every index of user tables and materialized views; AccessShare on system catalogs
select i.indexrelid as oid, i.indrelid as relation, c.relname::text as name, am.amname::text as method,
       i.indisunique as unique, i.indisvalid as valid, i.indisclustered as clustered,
       i.indisreplident as replica_identity, i.indnkeyatts::int4 as keys, i.indkey::int2[] as columns,
       i.indoption::int2[] as directions,
       pg_get_expr(i.indpred, i.indrelid) as predicate,
       pg_get_indexdef(i.indexrelid) as definition,
       format('CREATE %sINDEX %I ON %s%I.%I ', case when i.indisunique then 'UNIQUE ' end, c.relname,
              case when c.relkind = 'I' then 'ONLY ' end, n.nspname, r.relname) as prefix,
       case when i.indexprs is not null
            then (select array_agg(pg_get_indexdef(i.indexrelid, k, false) order by k)
                  from generate_series(1, i.indnatts::int4) k) end as expressions,
       st.positions as statistics_on, st.targets as statistics,
       s.spcname::text as tablespace, c.reltuples::float8 as rows, c.relpages::int8 as pages,
       o.conname::text as constraint_name,
       pn.nspname::text as parent_schema, p.relname::text as parent_name
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_class r on r.oid = i.indrelid
join pg_namespace n on n.oid = r.relnamespace
join pg_am am on am.oid = c.relam
left join pg_tablespace s on s.oid = c.reltablespace
left join pg_constraint o on o.conindid = i.indexrelid and o.contype in ('p', 'u', 'x')
left join (select a.attrelid, array_agg(a.attnum::int4 order by a.attnum) as positions,
                  array_agg(a.attstattarget::int4 order by a.attnum) as targets
           from pg_attribute a where a.attstattarget >= 0 and a.attrelid >= 16384
           group by a.attrelid) st on st.attrelid = i.indexrelid
left join pg_inherits h on h.inhrelid = i.indexrelid
left join pg_class p on p.oid = h.inhparent
left join pg_namespace pn on pn.oid = p.relnamespace
where i.indexrelid >= 16384 and r.relkind in ('r', 'p', 'm') and r.relpersistence <> 't'
  and c.relname !~ '^_cofferdam_'
