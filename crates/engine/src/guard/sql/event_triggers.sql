-- Makes the event triggers. Returns nothing; needs a superuser or what the provider puts in its place.
create event trigger cofferdam_guard_drop on sql_drop
    execute function cofferdam_guard.refuse_drop();
create event trigger cofferdam_guard_self on ddl_command_start
    when tag in ('DROP SCHEMA', 'DROP FUNCTION', 'DROP ROUTINE', 'DROP OWNED', 'DROP EXTENSION')
    execute function cofferdam_guard.refuse_own_end();
create event trigger cofferdam_guard_new_table on ddl_command_end
    when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA')
    execute function cofferdam_guard.cover_new_tables();
create event trigger cofferdam_guard_extension on ddl_command_start
    when tag in ('CREATE EXTENSION', 'ALTER EXTENSION', 'DROP EXTENSION')
    execute function cofferdam_guard.extension_begins();
create event trigger cofferdam_guard_extension_end on ddl_command_end
    when tag in ('CREATE EXTENSION', 'ALTER EXTENSION')
    execute function cofferdam_guard.extension_ends();
