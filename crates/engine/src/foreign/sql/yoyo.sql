-- Returns the name of every migration that yoyo counts as applied, in the order of application.
select migration_id, cast(null as text), cast(null as text) from {table} order by applied_at_utc, migration_id
