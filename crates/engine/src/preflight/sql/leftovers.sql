-- Returns what unfinished work left in this database: kind, name, table; AccessShare on catalogs.
-- An index that is being built at this moment is not left behind.
select case when i.relkind = 'I' then 'index with parts missing' else 'invalid index' end,
       format('%I.%I', n.nspname, i.relname), format('%I.%I', tn.nspname, t.relname)
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_namespace n on n.oid = i.relnamespace
join pg_class t on t.oid = x.indrelid
join pg_namespace tn on tn.oid = t.relnamespace
where not (x.indisvalid and x.indisready)
  and n.nspname !~ '^pg_(toast|temp)'
  and not exists (select from pg_stat_progress_create_index p where p.index_relid = x.indexrelid)
union all
-- A constraint that is declared as not enforced (18) is never validated, and that is meant.
select 'constraint not validated', format('%I', c.conname), format('%I.%I', n.nspname, t.relname)
from pg_constraint c
join pg_class t on t.oid = c.conrelid
join pg_namespace n on n.oid = t.relnamespace
where not c.convalidated
  and coalesce(to_jsonb(c) ->> 'conenforced', 'true') = 'true'
union all
select 'prepared transaction', format('%L', p.gid), null
from pg_prepared_xacts p
where p.database = current_database()
order by 1, 2, 3
