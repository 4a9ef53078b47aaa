-- Gives the lease back; RowExclusive.
update cofferdam.lease
set owner = null, run_id = null, expires = null, pid = null, backend_start = null, progress = null
where fence = $1
