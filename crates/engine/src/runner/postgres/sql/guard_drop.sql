-- Drops the guard, its schema last. Returns nothing; locks only what is its own. Nothing cascades.
drop event trigger if exists cofferdam_guard_self;
drop event trigger if exists cofferdam_guard_drop;
drop event trigger if exists cofferdam_guard_new_table;
drop event trigger if exists cofferdam_guard_extension;
drop event trigger if exists cofferdam_guard_extension_end;
drop function if exists cofferdam_guard.refuse_truncate();
drop function if exists cofferdam_guard.refuse_drop();
drop function if exists cofferdam_guard.refuse_own_end();
drop function if exists cofferdam_guard.cover_new_tables();
drop function if exists cofferdam_guard.extension_begins();
drop function if exists cofferdam_guard.extension_ends();
drop function if exists cofferdam_guard.permitted();
drop table if exists cofferdam_guard.before;
drop table if exists cofferdam_guard.allowed;
drop table if exists cofferdam_guard.permit;
drop table if exists cofferdam_guard.state;
drop schema cofferdam_guard;
