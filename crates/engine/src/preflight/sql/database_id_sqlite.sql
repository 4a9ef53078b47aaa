-- Returns the name that the ledger gave this database; a shared lock.
select value from _cofferdam_meta where key = 'database_id'
