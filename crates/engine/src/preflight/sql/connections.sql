-- Returns the clients connected to the server, how many may be, how many places are kept for
-- superusers and (16) reserved roles, and the sessions of this database that are idle in a
-- transaction; no lock. Of sessions that this role may not see the kind is not known.
select (select count(*) from pg_stat_activity
        where backend_type = 'client backend' or (backend_type is null and usesysid is not null)),
       current_setting('max_connections')::bigint,
       current_setting('superuser_reserved_connections')::bigint
           + coalesce(current_setting('reserved_connections', true), '0')::bigint,
       (select count(*) from pg_stat_activity
        where datname = current_database() and state like 'idle in transaction%')
