-- Returns who holds the lease and how long it is expired, in seconds; AccessShare.
select owner, run_id, progress, pid, fence,
       (extract(epoch from backend_start) * 1000000)::bigint,
       extract(epoch from clock_timestamp() - expires)::double precision
from cofferdam.lease
where owner is not null
