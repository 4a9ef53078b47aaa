-- Returns the grant that lets this role make our schema; takes no lock.
select format('grant create on database %I to %I', current_database(), current_user)
