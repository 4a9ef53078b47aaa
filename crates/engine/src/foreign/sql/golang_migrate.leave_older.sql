-- Takes away the row of a version before {1}. RowExclusive on the ledger.
delete from {table} where version < {1}
