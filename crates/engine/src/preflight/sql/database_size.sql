-- Returns the bytes of this database on the server's disk; no lock.
select pg_database_size(current_database())
