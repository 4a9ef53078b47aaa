-- Returns the guard's event triggers and whether they fire; AccessShare on catalogs.
select evtname::text, evtenabled in ('O', 'A') from pg_event_trigger where evtname like 'cofferdam\_guard%'
