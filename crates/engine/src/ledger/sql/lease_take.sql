-- Takes the lease where nobody holds it; RowExclusive, no wait for running steps.
-- The start of this process is given: the role that acts may not see it.
update cofferdam.lease
set owner = $1, run_id = null, fence = fence + 1, progress = null,
    expires = clock_timestamp() + make_interval(secs => $2),
    pid = pg_backend_pid(),
    backend_start = timestamptz 'epoch' + $3::bigint * interval '1 microsecond'
where owner is null
returning fence
