-- At most one row: the start of the backend with this pid, NULL when this role may not see it. Takes no lock.
-- Asked as who logged in, for this statement only: see facts.sql.
with login as materialized (select set_config('role', 'none', true) as now)
select (extract(epoch from a.backend_start) * 1000000)::bigint as started
  from login l, pg_stat_get_activity(case l.now when 'none' then $1 end) a
 where a.pid = $1
