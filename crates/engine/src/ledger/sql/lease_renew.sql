-- Renews the lease; RowExclusive, compatible with the `for key share` of running steps.
update cofferdam.lease
set expires = clock_timestamp() + make_interval(secs => $2), progress = coalesce($3, progress)
where fence = $1 and owner is not null
