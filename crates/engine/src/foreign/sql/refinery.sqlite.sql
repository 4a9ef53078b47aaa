-- Returns version, name and checksum of refinery's migrations, in the order in which they ran; its times are UTC and leave out zeros at their end.
select cast(version as text), cast(name as text), cast(checksum as text)
from {table} order by rtrim(applied_on, 'Z') nulls first, version
