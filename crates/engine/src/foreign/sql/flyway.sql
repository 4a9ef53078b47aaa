-- Returns version, description, type, checksum and success (1 or 0) of what Flyway ran, in the order in which it ran. AccessShare on the ledger.
select version, description, type, checksum::text, success::int::text
from {table} order by installed_rank
