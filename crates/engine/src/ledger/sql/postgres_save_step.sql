-- Writes a step's row, replacing an earlier state of it; RowExclusive.
-- The lease knows when this process began; the role that acts may not see it.
insert into cofferdam.step
    (run_id, id, statement_hash, state, xid, pid, backend_start, application_name, started_at, ended_at, outcome)
values ($1, $2, $3, $4,
        case when $5 then pg_current_xact_id()::text end,
        pg_backend_pid(),
        (select backend_start from cofferdam.lease where pid = pg_backend_pid()),
        current_setting('application_name'),
        -- The step began with its transaction; an intent's row keeps its own beginning.
        now(),
        case when $4 <> 'intent' then clock_timestamp() end,
        $6)
on conflict (run_id, id) do update
set statement_hash = excluded.statement_hash, state = excluded.state, xid = excluded.xid, pid = excluded.pid,
    backend_start = excluded.backend_start, application_name = excluded.application_name,
    ended_at = excluded.ended_at, outcome = excluded.outcome
