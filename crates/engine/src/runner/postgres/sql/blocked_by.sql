-- Returns who makes the backend wait, oldest transaction first; no lock.
select coalesce(a.pid, 0), coalesce(a.usename::text, 'a prepared transaction'), coalesce(a.application_name, ''),
       coalesce(extract(epoch from clock_timestamp() - a.xact_start), 0)::bigint,
       coalesce(a.state, ''), coalesce(left(regexp_replace(a.query, '\s+', ' ', 'g'), 120), ''), ''
from unnest(pg_blocking_pids($1)) p
left join pg_stat_activity a on a.pid = p
order by a.xact_start nulls first, a.pid
limit 5
