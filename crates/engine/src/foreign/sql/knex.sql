-- Returns file name, nothing, nothing and whether the lock is held (1 or 0), in the order of application; a single row without a name when only the lock is there.
select m.name, cast(null as text), cast(null as text), cast(l.held as text)
from (select max(is_locked) as held from {schema}knex_migrations_lock) l
left join {table} m on true
order by m.id
