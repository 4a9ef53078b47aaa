-- Writes this run's permit, takes those of former runs away, and returns the role that DDL is to
-- run as, if one owns all tables; RowExclusive.
with gone as (
    delete from cofferdam_guard.permit where fence < $2
), new as (
    insert into cofferdam_guard.permit (hash, fence, pid, expires, grace)
    values ($1, $2, pg_backend_pid(), clock_timestamp() + interval '24 hours', make_interval(secs => $3))
)
select (select o.value
        from cofferdam_guard.state o
        join cofferdam_guard.state c on c.key = 'complete' and c.value = 'yes'
        where o.key = 'owner_role')
