-- Returns who holds a conflicting lock on the relations named (or on the table of an
-- index named), oldest transaction first; AccessShare on catalogs.
with named as (
    select to_regclass(name) as oid from unnest($1::text[]) name
), relation as (
    select oid from named where oid is not null
    union
    select indrelid from pg_index where indexrelid in (select oid from named)
)
select coalesce(a.pid, 0), coalesce(a.usename::text, 'a prepared transaction'), coalesce(a.application_name, ''),
       coalesce(extract(epoch from clock_timestamp() - a.xact_start), 0)::bigint,
       coalesce(a.state, ''), coalesce(left(regexp_replace(a.query, '\s+', ' ', 'g'), 120), ''),
       l.relation::regclass::text
from pg_locks l
left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'relation' and l.granted
  and l.database = (select oid from pg_database where datname = current_database())
  and l.relation in (select oid from relation)
  and l.pid is distinct from pg_backend_pid()
  and l.mode = any ($2::text[])
order by a.xact_start nulls first, a.pid
limit 5
