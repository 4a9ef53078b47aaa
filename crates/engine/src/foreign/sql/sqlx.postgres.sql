-- Returns version, description, success (1 or 0) and checksum (hexadecimal) of sqlx's migrations, in order.
select version::text, description, success::int::text, encode(checksum, 'hex')
from {table} order by version
