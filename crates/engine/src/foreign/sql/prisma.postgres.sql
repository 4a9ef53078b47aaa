-- Returns name, checksum, and whether it is finished and rolled back (1 or 0) of Prisma's rows, as they were begun.
select migration_name, checksum, (finished_at is not null)::int::text, (rolled_back_at is not null)::int::text
from {table} order by started_at, migration_name
