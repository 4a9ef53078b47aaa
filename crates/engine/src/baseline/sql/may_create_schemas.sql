-- Returns whether this role may create our schema in this database; takes no lock.
select has_database_privilege(current_database(), 'create')
