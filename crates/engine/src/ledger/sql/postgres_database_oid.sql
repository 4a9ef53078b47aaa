-- Returns this database's own number in its cluster; AccessShare on pg_database.
select oid from pg_catalog.pg_database where datname = current_database()
