-- Returns a table's name, quoted, and the planner's estimate of its rows (-1: nobody has
-- counted; then its pages tell whether counting is cheap); AccessShare on catalogs.
select c.oid::regclass::text,
       greatest(c.reltuples, pg_relation_size(c.oid) / 8192 * 10)::bigint
from pg_class c
where c.oid = to_regclass($1) and c.relkind in ('r', 'p', 'm')
