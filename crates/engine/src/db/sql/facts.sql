-- One row: what this session is and where it runs. Takes no lock on user objects.
-- A role may be configured to act as another one (alter role .. set role), which may not
-- see when our own process began: it is asked as who logged in, for this statement only.
with acting as materialized (select current_user as role, current_setting('transaction_read_only') as read_only),
     login as materialized (select a.*, set_config('role', case when a.role is null then null else 'none' end, true) as now from acting a)
select current_setting('server_version_num') as version,
       version() as build,
       pg_is_in_recovery() as standby,
       l.read_only,
       current_database() as database,
       l.role,
       pg_backend_pid() as pid,
       (select (extract(epoch from a.backend_start) * 1000000)::bigint
          from pg_stat_get_activity(case l.now when 'none' then pg_backend_pid() end) a) as started
  from login l
