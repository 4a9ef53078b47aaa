-- Returns how many clients of this database are sessions whose work this role may not see; no lock.
select count(*)
from pg_stat_activity
where datname = current_database() and backend_type is null
