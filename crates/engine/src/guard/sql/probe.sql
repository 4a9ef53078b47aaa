-- Whether this role may make an event trigger, told by making one, to be rolled back; no lock outlives it.
create function pg_temp.cofferdam_guard_probe() returns event_trigger language plpgsql as 'begin end';
create event trigger cofferdam_guard_probe on sql_drop execute function pg_temp.cofferdam_guard_probe();
