-- Returns app.name of every migration that Django counts as applied, in the order of application.
select app || '.' || name, cast(null as text), cast(null as text) from {table} order by id
