-- Returns of each table named: its place in the list, its bytes with indexes and TOAST, and
-- whether they were measured. Measuring takes AccessShare, so a table that somebody has locked
-- exclusively is estimated by its pages as the planner knows them.
select n.at, case when free.measurable then pg_total_relation_size(c.oid) else c.relpages::bigint * 8192 end, free.measurable
from unnest($1::text[]) with ordinality as n (name, at)
join pg_class c on c.oid = to_regclass(n.name)
cross join lateral (
    select not exists (select from pg_locks l
                       where l.locktype = 'relation' and l.relation = c.oid and l.mode = 'AccessExclusiveLock'
                         and l.database = (select oid from pg_database where datname = current_database())) as measurable
) free
where c.relkind in ('r', 'p', 'm')
order by 2 desc, 1
