-- Returns who has a transaction older than $3 seconds in this database, or holds one of the locks
-- $2 on the table $1 of the same place, oldest first; AccessShare on catalogs. Of a statement only
-- its first key word, and only if it is one: the rest holds people's values, and this goes into a file.
with needed as (
    select to_regclass(name) as oid, mode from unnest($1::text[], $2::text[]) as n (name, mode)
), held as (
    select l.pid, array_agg(distinct left(l.mode, -4) || ' on ' || s.nspname || '.' || c.relname) as locks
    from pg_locks l
    join pg_class c on c.oid = l.relation
    join pg_namespace s on s.oid = c.relnamespace
    join needed n on n.oid = l.relation and n.mode = l.mode
    where l.locktype = 'relation' and l.granted
      and l.database = (select oid from pg_database where datname = current_database())
    group by l.pid
)
select coalesce(a.pid, h.pid, 0),
       coalesce(a.usename::text, a.backend_type, 'unknown'),
       coalesce(a.application_name, ''),
       greatest(coalesce(extract(epoch from clock_timestamp() - a.xact_start), 0), 0)::bigint,
       coalesce(a.state, ''),
       coalesce(k.word || ' ..', ''),
       coalesce(h.locks, '{}')
from (select * from pg_stat_activity where datname = current_database()) a
full join held h on h.pid = a.pid
left join pg_get_keywords() k
    on k.word = lower(substring(a.query from '^(?:\s|\(|--[^\n]*\n|/\*(?:[^*]|\*+[^*/])*\*+/)*([A-Za-z]+)'))
where coalesce(a.pid, h.pid, 0) <> pg_backend_pid()
  and (h.locks is not null or a.xact_start < clock_timestamp() - make_interval(secs => $3::double precision))
order by a.xact_start nulls last, 1
limit 20
