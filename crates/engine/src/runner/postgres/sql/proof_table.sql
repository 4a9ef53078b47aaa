-- Returns a table's name, quoted, and whether neither it nor a partition of it was ever
-- rewritten; AccessShare on catalogs.
select c.oid::regclass::text,
       (select bool_and(r.relfilenode = 0 or r.relfilenode = r.oid)
        from pg_class r
        where r.oid = c.oid or r.oid in (select relid from pg_partition_tree(c.oid))
           or r.oid in (select inhrelid from pg_inherits where inhparent = c.oid))
from pg_class c
where c.oid = to_regclass($1) and c.relkind in ('r', 'p')
