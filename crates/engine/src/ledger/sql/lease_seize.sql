-- Takes over a lease whose holder is gone; the caller holds the row `for update`.
-- The start of this process is given: the role that acts may not see it.
update cofferdam.lease
set owner = $1, run_id = null, fence = fence + 1, progress = null,
    expires = clock_timestamp() + make_interval(secs => $2),
    pid = pg_backend_pid(),
    backend_start = timestamptz 'epoch' + $4::bigint * interval '1 microsecond'
where fence = $3
returning fence
