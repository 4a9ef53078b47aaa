-- every column of user relations, by relation and position; AccessShare on system catalogs
select a.attrelid as relation, a.attnum as number, a.attname::text as name,
       format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as not_null,
       a.attidentity::text as identity, a.attgenerated::text as generated,
       pg_get_expr(d.adbin, d.adrelid) as expression,
       case when a.attcollation <> t.typcollation
            then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end as collation,
       case when a.attstorage <> t.typstorage then a.attstorage::text end as storage,
       nullif(a.attcompression::text, '') as compression,
       nullif(a.attstattarget::int4, -1) as statistics,
       a.attoptions as options, a.attfdwoptions as server_options,
       a.attinhcount > 0 and not a.attislocal as inherited
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_collation co on co.oid = a.attcollation and a.attcollation <> t.typcollation
left join pg_namespace cn on cn.oid = co.collnamespace
where a.attrelid >= 16384 and a.attnum > 0 and not a.attisdropped
  and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c') and c.relpersistence <> 't'
order by a.attrelid, a.attnum
