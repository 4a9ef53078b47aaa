-- Returns the name that the ledger gave this database; AccessShare.
select value from cofferdam.meta where key = 'database_id'
