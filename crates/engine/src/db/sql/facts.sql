-- One row: what this session is and where it runs. Takes no lock on user objects.
select current_setting('server_version_num') as version,
       version() as build,
       pg_is_in_recovery() as standby,
       current_setting('transaction_read_only') as read_only,
       current_database() as database,
       current_user as role,
       pg_backend_pid() as pid,
       (select (extract(epoch from a.backend_start) * 1000000)::bigint
          from pg_stat_get_activity(pg_backend_pid()) a) as started
