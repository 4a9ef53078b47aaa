-- Returns the steps of one run; AccessShare.
select id, statement_hash, state, xid, pid,
       (extract(epoch from backend_start) * 1000000)::bigint,
       outcome
from cofferdam.step
where run_id = $1
order by started_at, id
