-- Takes over a lease whose holder is gone; the caller holds the row `for update`.
update cofferdam.lease
set owner = $1, run_id = null, fence = fence + 1, progress = null,
    expires = clock_timestamp() + make_interval(secs => $2),
    pid = pg_backend_pid(),
    backend_start = (select backend_start from pg_stat_get_activity(pg_backend_pid()))
where fence = $3
returning fence
