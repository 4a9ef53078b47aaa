-- Takes away the rows by which Prisma counts migration {1} as applied; those of failed attempts stay. RowExclusive on the ledger.
delete from {table} where migration_name = {1} and finished_at is not null and rolled_back_at is null
