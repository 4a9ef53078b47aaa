-- Opens a window and returns its number; RowExclusive.
insert into cofferdam_guard.allowed (role_name, reason, actor, expires)
values ($1, $2, $3 || ' as ' || session_user, clock_timestamp() + make_interval(secs => $4))
returning id
