-- Returns version, description, success (1 or 0) and checksum (hexadecimal) of sqlx's migrations, in order.
select cast(version as text), description, cast(success as text), lower(hex(checksum))
from {table} order by version
