-- Returns version, description, type, checksum and success (1 or 0) of what Flyway ran, in the order in which it ran; there are no schemas.
select cast(version as text), cast(description as text), cast(type as text), cast(checksum as text),
       case when success in (1, 'true') then '1' else '0' end, null, null
from {table} order by installed_rank
