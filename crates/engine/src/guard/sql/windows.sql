-- Returns the open windows, and how long they stay open; AccessShare.
select id, role_name, reason, actor,
       to_char(opened_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       to_char(expires at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       ceil(extract(epoch from expires - clock_timestamp()))::bigint
from cofferdam_guard.allowed
where ended_at is null and expires > clock_timestamp()
order by id
