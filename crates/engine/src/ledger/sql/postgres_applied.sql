-- Returns every migration that counts as applied, in the order they ran; AccessShare.
select seq, source, version, name, kind, checksum, foreign_checksum,
       to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       duration_ms, run_id, audit_seq
from cofferdam.migration
order by seq
