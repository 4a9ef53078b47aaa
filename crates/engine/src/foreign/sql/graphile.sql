-- Returns file name, nothing and hash of every committed migration that ran.
select filename, cast(null as text), hash from {table} order by filename
