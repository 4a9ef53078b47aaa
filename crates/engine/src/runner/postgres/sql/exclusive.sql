-- Returns who holds a table so that it cannot even be read, oldest transaction first; AccessShare on catalogs.
select coalesce(a.pid, 0), coalesce(a.usename::text, 'a prepared transaction'), coalesce(a.application_name, ''),
       coalesce(extract(epoch from clock_timestamp() - a.xact_start), 0)::bigint,
       coalesce(a.state, ''), coalesce(left(regexp_replace(a.query, '\s+', ' ', 'g'), 120), ''),
       n.nspname || '.' || c.relname
from pg_locks l
join pg_class c on c.oid = l.relation
join pg_namespace n on n.oid = c.relnamespace
left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'relation' and l.granted and l.mode = 'AccessExclusiveLock'
  and l.database = (select oid from pg_database where datname = current_database())
  and l.relation >= 16384
  and l.pid is distinct from pg_backend_pid()
order by a.xact_start nulls first, a.pid
limit 1
