-- Records a migration as applied; RowExclusive.
insert into cofferdam.migration
    (seq, source, version, name, kind, checksum, foreign_checksum, applied_at, duration_ms, run_id, audit_seq)
select coalesce(max(seq), 0) + 1, $1, $2, $3, $4, $5, $6, clock_timestamp(), $7, $8, $9
from cofferdam.migration
