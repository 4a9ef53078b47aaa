-- Returns name, checksum, and whether it is finished and rolled back (1 or 0) of Prisma's rows, as they were begun.
-- Times are text or numbers, whichever adapter wrote them: the order is that of the rows.
select migration_name, checksum, cast((finished_at is not null) as text), cast((rolled_back_at is not null) as text)
from {table} order by rowid
