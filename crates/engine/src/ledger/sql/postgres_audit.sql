-- Returns the whole audit chain; AccessShare.
select seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, action, detail, prev, hash
from cofferdam.audit
order by seq
