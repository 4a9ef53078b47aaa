-- Returns version, name and checksum of refinery's migrations, in the order in which they ran; its times are UTC and leave out zeros at their end. AccessShare on the ledger.
select version::text, name::text, checksum::text
from {table} order by rtrim(applied_on, 'Z') collate "C" nulls first, version
