-- Returns the tables among the names given that `lock table` can name and this role may
-- lock, and the far sides of the foreign keys of `parents_of`, in the order to lock them; AccessShare on catalogs.
with named as (
    select to_regclass(name) as oid, mode
    from unnest($1::text[], $2::int4[]) as n (name, mode)
    union all
    select c.confrelid, 8
    from pg_constraint c
    where c.contype = 'f' and c.conrelid in (select to_regclass(p) from unnest($3::text[]) p)
)
select c.oid::regclass::text, max(n.mode)
from named n
join pg_class c on c.oid = n.oid
where c.relkind in ('r', 'p')
  and (pg_has_role(c.relowner, 'usage') or has_table_privilege(c.oid, 'update, delete, truncate'))
group by c.oid
order by c.oid
