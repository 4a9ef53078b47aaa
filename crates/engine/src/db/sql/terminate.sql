-- One row if a backend of this pid and start time lives: whether it was told to end. Takes no lock.
-- Asked as who logged in, for this statement only: see facts.sql.
with login as materialized (select set_config('role', 'none', true) as now)
select pg_terminate_backend(a.pid) as told
  from login l, pg_stat_get_activity(case l.now when 'none' then $1 end) a
 where a.pid = $1
   and (extract(epoch from a.backend_start) * 1000000)::bigint = $2
