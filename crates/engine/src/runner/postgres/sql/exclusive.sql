-- Returns who keeps even readers off a table of this database, oldest transaction first;
-- AccessShare on catalogs.
select coalesce(a.pid, 0), coalesce(a.usename::text, 'a prepared transaction'), coalesce(a.application_name, ''),
       coalesce(extract(epoch from clock_timestamp() - a.xact_start), 0)::bigint,
       coalesce(a.state, ''), coalesce(left(regexp_replace(a.query, '\s+', ' ', 'g'), 120), ''),
       l.relation::regclass::text
from pg_locks l
left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'relation' and l.granted and l.mode = 'AccessExclusiveLock'
  and l.database = (select oid from pg_database where datname = current_database())
  and l.relation >= 16384
  and l.pid is distinct from pg_backend_pid()
order by a.xact_start nulls first, a.pid
limit 5
