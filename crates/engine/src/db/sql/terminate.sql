-- One row if a backend of this pid and start time lives: whether it was told to end. Takes no lock.
select pg_terminate_backend(a.pid) as told
  from pg_stat_get_activity($1) a
 where (extract(epoch from a.backend_start) * 1000000)::bigint = $2
