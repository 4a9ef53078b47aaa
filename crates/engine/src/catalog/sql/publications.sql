-- every publication that is not our own, with its tables and schemas; AccessShare on system catalogs
select p.oid, p.pubname::text as name, pg_get_userbyid(p.pubowner)::text as owner, p.puballtables as all_tables,
       concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
                 case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end) as publish,
       p.pubviaroot as via_root, to_jsonb(p) ->> 'pubgencols' as generated_columns,
       (select array_agg(quote_ident(n.nspname) || '.' || quote_ident(c.relname) order by r.prrelid)
        from pg_publication_rel r join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace
        where r.prpubid = p.oid) as tables,
       (select array_agg(concat_ws(' ',
                 '(' || (select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
                         from pg_attribute a where a.attrelid = r.prrelid and a.attnum = any (r.prattrs)) || ')',
                 'where ' || pg_get_expr(r.prqual, r.prrelid)) order by r.prrelid)
        from pg_publication_rel r where r.prpubid = p.oid) as details,
       (select array_agg(n.nspname::text) from pg_publication_namespace s join pg_namespace n on n.oid = s.pnnspid
        where s.pnpubid = p.oid) as schemas
from pg_publication p
where p.pubname !~ '^_?cofferdam'
