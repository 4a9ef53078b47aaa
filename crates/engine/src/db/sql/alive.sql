-- At most one row: the start of the backend with this pid, NULL when this role may not see it. Takes no lock.
select (extract(epoch from a.backend_start) * 1000000)::bigint as started
  from pg_stat_get_activity($1) a
